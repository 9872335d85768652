// What `npm test` runs: formatting, lint, types, then every folder of tests that needs nothing but Node and npm packages.
//
//   npm test                        everything
//   npm test -- unit integration    only these checks
//   npm test -- --filter voucher    only tests whose name contains the word
//   npm test -- --refuse-skipped    a test that did not run counts as failed
//
// The last line is "N passed, N failed"; the exit code is 0 only if nothing failed and something ran.

import { parseArgs } from "node:util";
import { staticChecks } from "./support/runner/static-checks.ts";
import { findSuites } from "./support/runner/suites.ts";
import { type Check, describeResults, isGood, type Result } from "./support/runner/tally.ts";

const USAGE = "Usage: npm test -- [--filter WORD] [--refuse-skipped] [check …]";
const { values, positionals } = readArguments();
const suites = await findSuites();
// A filter names tests, so without a suite beside it it means all suites and no other check.
const all = values.filter === undefined || positionals.length > 0 ? [...await staticChecks(), ...suites] : suites;
const options = { filter: values.filter, refuseSkipped: values["refuse-skipped"] };

const results: Result[] = [];
for (const check of choose(all, positionals)) {
  console.log(`\n▸ ${check.name}`);
  const started = performance.now();
  const tally = await check.run(options);
  results.push({ name: check.name, ...tally, seconds: (performance.now() - started) / 1000 });
}
console.log(`\n${describeResults(results)}`);
Deno.exit(isGood(results) ? 0 : 1);

function readArguments() {
  try {
    const options = {
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

function choose(checks: Check[], names: string[]): Check[] {
  const unknown = names.filter((name) => !checks.some((check) => check.name === name));
  if (unknown.length > 0) {
    console.error(`Cannot run ${unknown.join(", ")}: the checks are ${checks.map(({ name }) => name).join(", ")}`);
    Deno.exit(2);
  }
  return names.length > 0 ? checks.filter(({ name }) => names.includes(name)) : checks;
}
