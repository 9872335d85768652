// Runs the checks that need nothing but Node and npm packages.
//
//   npm test                        formatting, lint, types, and the tests of functions and migrations
//   npm run test:all                all others as well: the command, the installation, the local platform, and what takes long
//   npm test -- --long              only those others
//   npm test -- unit integration    only these checks
//   npm test -- dashboard           the dashboard in headless Chromium, which only runs when it is named
//   npm test -- --filter voucher    only tests whose name contains the word
//   npm test -- --refuse-skipped    a test that did not run counts as failed
//
// A few more processes than there are processors work at the same time. Of the slow tests it is one per processor, and those that measure
// run alone. Output is shown of what failed, and of everything under a filter. The last line is "N passed, N failed"; the exit code is 0
// only if nothing failed and something ran.

import { parseArgs } from "node:util";
import { endCommands } from "./support/command.ts";
import { runJobs } from "./support/runner/pool.ts";
import { staticChecks } from "./support/runner/static-checks.ts";
import { filteredJobs, suiteJobs } from "./support/runner/suites.ts";
import { describeResults, isGood, type Job, sumUp } from "./support/runner/tally.ts";

const USAGE = "Usage: npm test -- [--all | --long] [--filter WORD] [--refuse-skipped] [check …]";
const { values, positionals } = readArguments();
const { filter, all, long, "refuse-skipped": refuseSkipped } = values;

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => {
    endCommands();
    Deno.exit(130);
  });
}

const { quick, tools, slow, alone, named } = await suiteJobs();
const checks = await staticChecks();
const known = new Set([...checks, ...quick, ...tools, ...slow, ...alone, ...named].map(({ check }) => check));
refuseUnknown(positionals);
const chosen = (jobs: Job[]) =>
  positionals.length === 0 ? jobs : jobs.filter(({ check }) => positionals.includes(check));
// Most tests wait most of the time: for a pace, a tick, a process that starts.
const lanes = Math.min(navigator.hardwareConcurrency + 2, 10);
const slowLanes = Math.min(navigator.hardwareConcurrency, 4);
const asksOthers = long || all || positionals.length > 0;

const options = { filter, refuseSkipped };
const outcomes = filter === undefined
  ? [
    ...await runJobs(long ? [] : chosen([...checks, ...quick]), options, lanes),
    ...await runJobs(asksOthers ? chosen(tools) : [], options, lanes),
    ...await runJobs(asksOthers ? chosen(slow) : [], options, slowLanes),
    ...await runJobs(asksOthers ? chosen(alone) : [], options, 1),
    ...await runJobs(positionals.length > 0 ? chosen(named) : [], options, lanes),
  ]
  // A filter names tests, and means no other check.
  : await runJobs(chosen(await filteredJobs(filter, positionals)), options, lanes);
const results = sumUp(outcomes);
console.log(`\n${describeResults(results)}`);
Deno.exit(isGood(results) ? 0 : 1);

function readArguments() {
  try {
    const options = {
      all: { type: "boolean", default: false },
      long: { type: "boolean", default: false },
      filter: { type: "string" },
      "refuse-skipped": { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    } as const;
    const read = parseArgs({ args: Deno.args, allowPositionals: true, options });
    if (!read.values.help) return read;
    console.log(USAGE);
    Deno.exit(0);
  } catch (error) {
    console.error(`${(error as Error).message}\n${USAGE}`);
    Deno.exit(2);
  }
}

function refuseUnknown(names: string[]): void {
  const unknown = names.filter((name) => !known.has(name));
  if (unknown.length === 0) return;
  console.error(`Cannot run ${unknown.join(", ")}: the checks are ${[...known].join(", ")}`);
  Deno.exit(2);
}
