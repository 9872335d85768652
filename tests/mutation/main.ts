// npm run test:mutation: plants every fault of the list, one at a time, and sees which test fails.
//
//   npm run test:mutation                     all faults; what was judged before, with the same code and tests, is not planted again
//   npm run test:mutation -- settle no-brake  only these: rooms, names of faults, or parts of a file's path
//   npm run test:mutation -- --again          forget what earlier runs found
//   npm run test:mutation -- --json           one JSON object on standard output instead of the words
//
// Faults in functions/ are judged by unit tests, faults in migrations/ by SQL tests; each fault names them. The last line is
// "N passed, N failed": passed is what was caught, or survived and is explained in survivors.ts.

import { parseArgs } from "node:util";
import type { Fault } from "./fault.ts";
import { denoTests } from "./deno-tests.ts";
import { ROOMS } from "./faults/rooms.ts";
import { createJudge } from "./judge.ts";
import { keysOf, readSaved, type Result, save, summarise } from "./results.ts";
import { sqlTests } from "./sql-tests.ts";
import { SURVIVORS } from "./survivors.ts";
import { copyWorkingTree } from "./workspace.ts";

const { values, positionals } = parseArgs({
  args: Deno.args,
  allowPositionals: true,
  options: { again: { type: "boolean", default: false }, json: { type: "boolean", default: false } },
});
const faults = Object.entries(ROOMS).flatMap(([room, faults]) => faults.filter((fault) => isAsked(room, fault)));

const results = await judgeAll();
const summary = summarise(results);
if (values.json) console.log(JSON.stringify({ summary, results }, null, 2));
else {
  for (const [index, { name, by, outcome }] of results.entries()) {
    if (outcome === "caught") continue;
    const { file, what } = faults[index]!;
    console.log(`${outcome} ${name} (${file}: ${what}): ${by ?? SURVIVORS[name] ?? "NOT EXPLAINED"}`);
  }
  const { caught, explained, failed } = summary;
  console.log(`${faults.length} faults: ${caught} caught, ${explained} explained`);
  console.log(`${caught + explained} passed, ${failed} failed`);
}
Deno.exit(faults.length > 0 && summary.failed === 0 ? 0 : 1);

function isAsked(room: string, { name, file }: Fault): boolean {
  return positionals.length === 0 || positionals.some((it) => it === room || it === name || file.includes(it));
}

async function judgeAll(): Promise<Result[]> {
  const saved = values.again ? new Map<string, Result>() : await readSaved();
  await using parts = new AsyncDisposableStack();
  // What was judged is saved; only the copy and the server have to go.
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => parts.disposeAsync().finally(() => Deno.exit(1)));
  }
  let judge: ReturnType<typeof createJudge> | undefined;
  const results: Result[] = [];
  for (const fault of faults) {
    const keys = await keysOf(fault);
    let result = keys.map((key) => saved.get(key)).find((it) => it !== undefined);
    if (result === undefined) {
      judge ??= createJudge([denoTests(parts.use(await copyWorkingTree())), parts.use(await sqlTests())]);
      result = await judge(fault);
      await save(keys[result.asked - 1]!, result);
    }
    results.push(result);
    const { outcome, name, by, seconds } = result;
    console.error(`${results.length}/${faults.length} ${outcome} ${name}${by ? `: ${by}` : ""} (${seconds} s)`);
  }
  return results;
}
