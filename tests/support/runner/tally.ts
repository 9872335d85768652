/** What one check came to. `notes` say what no count can: which test failed, a file without a test, a program that died. */
export type Tally = { passed: number; failed: number; skipped: number; notes: string[] };

/** What one process does for a check: a folder of tests is shared out among several. */
export type Job = {
  check: string;
  /** What the process works on, where a check has several. */
  part?: string;
  run(options: RunOptions): Promise<Tally & { output: string; cpuSeconds?: number }>;
};

/** `filter` as `deno test --filter` takes it; with `refuseSkipped` a test that did not run counts as failed. */
export type RunOptions = { filter?: string; refuseSkipped: boolean };

/** `cpuSeconds`: processor time; unlike `seconds` it says nothing about what else the machine does. Unknown for what runs elsewhere. */
export type Result = Tally & { name: string; seconds: number; cpuSeconds?: number };

/** How a note begins at the end of a run, so that a program which runs another one can hand its notes on. */
export const NOTE = "✗ ";

export function noTally(): Tally {
  return { passed: 0, failed: 0, skipped: 0, notes: [] };
}

/** One more failure, with what there is to say of it. */
export function fail(tally: Tally, note: string): void {
  tally.failed++;
  tally.notes.push(note);
}

/** One result per check, in the order in which the first part of each came. */
export function sumUp(parts: Result[]): Result[] {
  const results = new Map<string, Result>();
  for (const { name, passed, failed, skipped, notes, seconds, cpuSeconds } of parts) {
    const sum = results.get(name) ?? { name, ...noTally(), seconds: 0 };
    results.set(name, {
      name,
      passed: sum.passed + passed,
      failed: sum.failed + failed,
      skipped: sum.skipped + skipped,
      notes: [...sum.notes, ...notes],
      seconds: sum.seconds + seconds,
      cpuSeconds: cpuSeconds === undefined ? sum.cpuSeconds : (sum.cpuSeconds ?? 0) + cpuSeconds,
    });
  }
  return [...results.values()];
}

/** The table at the end of a run, and below it the line other programs read. */
export function describeResults(results: Result[]): string {
  const rows = results.map(({ name, passed, failed, skipped, seconds, cpuSeconds }) => [
    name,
    `${passed}`,
    `${failed}`,
    `${skipped}`,
    `${seconds.toFixed(1)} s`,
    cpuSeconds === undefined ? "" : `${cpuSeconds.toFixed(1)} s`,
  ]);
  const width = Math.max(...results.map(({ name }) => name.length), 5) + 2;
  const line = ([name, ...cells]: string[]) =>
    (name!.padEnd(width) + cells.map((cell) => cell.padStart(9)).join("")).trimEnd();
  const notes = results.flatMap(({ name, notes }) => notes.map((note) => `${NOTE}${name}: ${note}`));
  return [
    line(["check", "passed", "failed", "skipped", "time", "cpu"]),
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
