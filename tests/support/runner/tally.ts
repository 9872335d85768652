/** What one check came to. `notes` say what no count can: which test failed, a file without a test, a program that died. */
export type Tally = { passed: number; failed: number; skipped: number; notes: string[] };

/** One thing `npm test` looks at: the formatting, the types, or a folder of tests. */
export type Check = { name: string; run(options: RunOptions): Promise<Tally> };

/** `filter` as `deno test --filter` takes it; with `refuseSkipped` a test that did not run counts as failed. */
export type RunOptions = { filter?: string; refuseSkipped: boolean };

export type Result = Tally & { name: string; seconds: number };

/** How a note begins at the end of a run, so that a program which runs another one can hand its notes on. */
export const NOTE = "✗ ";

/** The table at the end of a run, and below it the line other programs read. */
export function describeResults(results: Result[]): string {
  const rows = results.map(({ name, passed, failed, skipped, seconds }) => [
    name,
    `${passed}`,
    `${failed}`,
    `${skipped}`,
    `${seconds.toFixed(1)} s`,
  ]);
  const width = Math.max(...results.map(({ name }) => name.length), 5) + 2;
  const line = ([name, ...cells]: string[]) => name!.padEnd(width) + cells.map((cell) => cell.padStart(9)).join("");
  const notes = results.flatMap(({ name, notes }) => notes.map((note) => `${NOTE}${name}: ${note}`));
  return [
    line(["check", "passed", "failed", "skipped", "time"]),
    ...rows.map(line),
    ...notes.length > 0 ? ["", ...notes] : [],
    "",
    closingLine(results),
  ].join("\n");
}

/** "N passed, N failed", alone on the last line, summed over all checks. */
export function closingLine(results: Pick<Tally, "passed" | "failed">[]): string {
  return `${sum(results, "passed")} passed, ${sum(results, "failed")} failed`;
}

/** Nothing failed, and something ran at all. */
export function isGood(results: Pick<Tally, "passed" | "failed">[]): boolean {
  return sum(results, "failed") === 0 && sum(results, "passed") > 0;
}

function sum<Key extends string>(results: Record<Key, number>[], key: Key): number {
  return results.reduce((total, result) => total + result[key], 0);
}
