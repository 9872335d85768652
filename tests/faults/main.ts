// The long version of everything in this folder and in tests/chaos: hours instead of a minute.
//
//   npm run test:proof                            everything
//   npm run test:proof -- random_schedules        only the files whose name contains one of the words
//   npm run test:chaos                            ten minutes of all faults at once
//
// LAPSE_PROOF_SEED sets the seed of the random schedules, of the pairs of acts, of the moments of SIGKILL, of the customers in a rush and of the
// chaos. LAPSE_PROOF_RUNS sets the number of random schedules, and of pairs of acts for each kind of order; LAPSE_PROOF_PATH replays a schedule.

import { filesBelow } from "../support/runner/files.ts";
import { root } from "../support/runner/program.ts";

const all = await Promise.all(["tests/faults", "tests/chaos"].map((folder) => filesBelow(folder, "_test.ts")));
const files = all.flat().filter((path) => Deno.args.length === 0 || Deno.args.some((word) => path.includes(word)));
if (files.length === 0) {
  console.error(`Cannot prove ${Deno.args.join(", ")}: no file of tests/faults or tests/chaos is called that`);
  Deno.exit(2);
}
const failed: string[] = [];
for (const file of files) {
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "--no-check", "--unstable-no-legacy-abort", file],
    cwd: root,
    stdin: "null",
    env: { LAPSE_PROOF: "long", LAPSE_PROOF_SEED: String(Date.now() % 2 ** 31), ...Deno.env.toObject() },
  }).spawn().status;
  if (code !== 0) failed.push(file);
}
console.log(
  `\n${files.length - failed.length} passed, ${failed.length} failed${
    failed.length > 0 ? `: ${failed.join(", ")}` : ""
  }`,
);
Deno.exit(failed.length === 0 ? 0 : 1);
