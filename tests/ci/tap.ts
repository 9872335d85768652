import type { Tally } from "../support/runner/tally.ts";

/**
 * Counts what `pg_prove --verbose` printed. A skipped test did not run and counts as failed; one marked TODO may fail, as TAP has it. What
 * no line of a test shows (a wrong plan, a file that died) is in the exit code and counts as one failure.
 */
export function countTap(output: string, run: { code: number; files: number }): Tally {
  const tally: Tally = { passed: 0, failed: 0, skipped: 0, notes: [] };
  for (const line of output.split("\n")) {
    const [, not, directive] = line.match(/^(not )?ok \d+[^#]*(?:# *(todo|skip)\b.*)?/i) ?? [line, "no test"];
    if (not === "no test") continue;
    if (directive?.toLowerCase() === "skip" || (not && directive?.toLowerCase() !== "todo")) {
      tally.failed++;
      tally.notes.push(line);
    } else tally.passed++;
  }
  const ran = Number(output.match(/^Files=(\d+),/m)?.[1] ?? 0);
  if (ran === 0 || ran !== run.files) fail(tally, `pg_prove ran ${ran} of ${run.files} files`);
  if (run.code !== 0 && tally.failed === 0) fail(tally, `pg_prove ended with exit code ${run.code}`);
  return tally;
}

function fail(tally: Tally, note: string): void {
  tally.failed++;
  tally.notes.push(note);
}
