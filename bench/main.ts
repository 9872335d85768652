// npm run bench                        all benches, quick
// npm run bench -- settle claim        only these
// npm run bench -- --full              at the sizes of the goals; an hour
// npm run bench -- --json              every figure as JSON on standard output
//
// The exit code is 1 when a goal was missed.

import { parseArgs } from "node:util";
import { refuseSwallowed } from "../local/npm-options.ts";
import { benches } from "./benches.ts";
import { runBenches } from "./support/run.ts";
import type { Bench } from "./support/bench.ts";
import { describe } from "./support/report.ts";

refuseSwallowed(["full", "json"]);
const { values, positionals } = readArguments();
const namesOf = ({ name, also = [] }: Bench) => [name, ...also];
const unknown = positionals.filter((name) => !benches.flatMap(namesOf).includes(name));
if (unknown.length > 0) {
  console.error(`Cannot run ${unknown.join(", ")}: the benches are ${benches.flatMap(namesOf).join(", ")}`);
  Deno.exit(2);
}
const isChosen = (bench: Bench) =>
  positionals.length === 0 || namesOf(bench).some((name) => positionals.includes(name));
const chosen = benches.filter(isChosen);
const report = await runBenches(chosen, { size: values.full ? "full" : "quick", onProgress: console.error });
console.log(values.json ? JSON.stringify(report, null, 2) : describe(report));
Deno.exit(report.missed.length > 0 ? 1 : 0);

function readArguments() {
  try {
    const options = { json: { type: "boolean", default: false }, full: { type: "boolean", default: false } } as const;
    return parseArgs({ options, allowPositionals: true });
  } catch (error) {
    console.error(`${(error as Error).message}\nUsage: npm run bench -- [--full] [--json] [bench …]`);
    Deno.exit(2);
  }
}
