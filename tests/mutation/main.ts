// npm run test:mutation: plants every fault of the list, one at a time, in a copy of the working tree, and sees which test fails.
//
//   npm run test:mutation                        all faults; those judged before, with the same code and tests, are not planted again
//   npm run test:mutation -- --only no-brake,budget/   only these: ids, or parts of a file's path
//   npm run test:mutation -- --again             forget what earlier runs found
//   npm run test:mutation -- --json              one JSON object on standard output instead of the words
//
// The last line is "N passed, N failed": passed is what was caught, or survived and is explained in survivors.ts.

import { parseArgs } from "node:util";
import { FAULTS } from "./faults/all.ts";
import { createJudge } from "./judge.ts";
import { startPgTap } from "./pgtap.ts";
import { isGood, keysOf, readSaved, type Result, save, summarise } from "./results.ts";
import { SURVIVORS } from "./survivors.ts";
import { copyWorkingTree } from "./workspace.ts";

const { values } = parseArgs({
  args: Deno.args,
  options: {
    only: { type: "string" },
    again: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
});
const only = values.only?.split(",");
const faults = FAULTS.filter(({ id, file }) => only?.some((it) => it === id || file.includes(it)) ?? true);

const results = await judgeAll();
const summary = summarise(results);
if (values.json) console.log(JSON.stringify({ summary, results }, null, 2));
else {
  for (const { id, by, outcome } of results.filter(({ outcome }) => outcome !== "caught")) {
    const fault = faults.find((it) => it.id === id)!;
    console.log(`${outcome} ${id} (${fault.file}: ${fault.breaks}): ${by ?? SURVIVORS[id] ?? "NOT EXPLAINED"}`);
  }
  const { caught, survived, explained, stale } = summary;
  console.log(
    `${faults.length} faults: ${caught} caught, ${survived} survived (${explained} explained), ${stale} stale`,
  );
  const passed = caught + explained;
  console.log(`${passed} passed, ${results.length - passed} failed`);
}
Deno.exit(isGood(summary) ? 0 : 1);

async function judgeAll(): Promise<Result[]> {
  const saved = values.again ? new Map<string, Result>() : await readSaved();
  await using parts = new AsyncDisposableStack();
  // What was judged is saved; only the copy and the server have to go.
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => parts.disposeAsync().finally(() => Deno.exit(1)));
  }
  const workspace = parts.use(await copyWorkingTree());
  const judge = createJudge(workspace, { pgtap: parts.use(await startPgTap()) });
  const results: Result[] = [];
  for (const fault of faults) {
    const keys = await keysOf(fault);
    let result = keys.map((key) => saved.get(key)).find((it) => it !== undefined);
    if (result === undefined) {
      result = await judge(fault);
      await save(keys[result.suites - 1]!, result);
    }
    results.push(result);
    console.error(
      `${results.length}/${faults.length} ${result.outcome} ${fault.id}${
        result.by ? `: ${result.by}` : ""
      } (${result.seconds} s)`,
    );
  }
  return results;
}
