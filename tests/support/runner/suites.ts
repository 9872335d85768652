import { join } from "node:path";
import { filesBelow } from "./files.ts";
import { parseReport } from "./junit.ts";
import { root, runDeno } from "./program.ts";
import type { Check, RunOptions, Tally } from "./tally.ts";

/** Quick ones first: a broken rule should not be told after minutes. Folders not named here come last. */
const order = ["rules", "unit", "simulator", "local", "platform", "deploy", "integration", "faults"];

/** Every folder of `tests/` that holds a `*_test.ts` is a suite. */
export async function findSuites(): Promise<Check[]> {
  const names: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(join(root, "tests"))) {
    if (isDirectory && (await filesBelow(`tests/${name}`, "_test.ts")).length > 0) names.push(name);
  }
  const place = (name: string) => order.includes(name) ? order.indexOf(name) : order.length;
  names.sort((a, b) => place(a) - place(b) || a.localeCompare(b));
  return names.map((name) => ({ name, run: (options) => runSuite(`tests/${name}`, options) }));
}

async function runSuite(folder: string, options: RunOptions): Promise<Tally> {
  const path = await Deno.makeTempFile({ prefix: "lapse-report-", suffix: ".xml" });
  try {
    const filter = options.filter === undefined ? [] : [`--filter=${options.filter}`];
    // The types are a check of their own. The programs run without the legacy abort too (local/run.mjs).
    const flags = ["-A", "--no-check", "--unstable-no-legacy-abort", `--junit-path=${path}`];
    const code = await runDeno(["test", ...flags, ...filter, folder]);
    return judge({ code, xml: await Deno.readTextFile(path), files: await filesBelow(folder, "_test.ts") }, options);
  } finally {
    await Deno.remove(path);
  }
}

/**
 * Turns what Deno left behind into counts. A file that fails while it loads is in no report, a file whose tests all went away is
 * no error for Deno, and an interrupted run leaves an empty report: each counts as one failure here.
 */
export function judge(run: { code: number; xml: string; files: string[] }, options: RunOptions): Tally {
  const { files, failures, ...counts } = parseReport(run.xml);
  const tally: Tally = { ...counts, notes: failures };
  if (options.filter === undefined) {
    for (const file of run.files.filter((file) => !files.includes(file))) fail(tally, `no test of ${file} ran`);
    if (run.files.length === 0) fail(tally, "has no test");
  }
  if (options.refuseSkipped && tally.skipped > 0) {
    tally.notes.push(`${tally.skipped} skipped, counted as failed`);
    tally.failed += tally.skipped;
    tally.skipped = 0;
  }
  if (run.code !== 0 && tally.failed === 0) fail(tally, `deno test ended with exit code ${run.code}`);
  return tally;
}

function fail(tally: Tally, note: string): void {
  tally.failed++;
  tally.notes.push(note);
}
