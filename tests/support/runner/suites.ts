import { join, relative } from "node:path";
import { filesBelow } from "./files.ts";
import { parseReport } from "./junit.ts";
import { root, runDeno } from "./program.ts";
import { fail, type Job, type RunOptions, type Tally } from "./tally.ts";

/** Fast ones first, so that a broken rule is reported early. Folders not named here come after them. */
const order = ["rules", "unit", "oracle", "database", "simulator"];

/** What a change of functions or migrations seldom breaks: the command, the installation, the local platform, the documents. Not in `npm test`. */
const toolSuites = ["cli", "deploy", "docs", "enable", "install", "local", "platform", "second-shop"];

/** What takes long. Not in `npm test` either. */
const slowSuites = ["chaos", "faults", "bench", "demo", "repositories"];

/** Slow tests that compare measured times, and would measure what runs beside them. */
const measures = /^tests\/(?:bench\/|faults\/(?:concurrent_writers|load|rush)_test\.ts$)/;

/** What needs more than Node and npm packages (dashboard: Chromium), and runs only when named. */
const namedSuites = ["dashboard"];

/** Files of one process: few enough that the processes end at about the same time, and more where a file takes milliseconds. */
const filesPerJob = 3;
const quickFilesPerJob = 20;
const quickSuites = ["rules", "unit", "oracle"];

/** Every folder of `tests/` that holds a `*_test.ts` is a suite. */
export async function suiteJobs(): Promise<{ quick: Job[]; tools: Job[]; slow: Job[]; alone: Job[]; named: Job[] }> {
  const suites = await findSuites();
  const jobsIn = (names: (name: string) => boolean, fits: (file: string) => boolean = () => true) =>
    suites.filter(({ name }) => names(name)).flatMap(({ name, files }) => jobsOf(name, files.filter(fits)));
  const isSlow = (name: string) => slowSuites.includes(name);
  const isTool = (name: string) => toolSuites.includes(name);
  const isNamed = (name: string) => namedSuites.includes(name);
  return {
    quick: jobsIn((name) => !isSlow(name) && !isTool(name) && !isNamed(name)),
    tools: jobsIn(isTool),
    slow: jobsIn(isSlow, (file) => !measures.test(file)),
    alone: jobsIn(isSlow, (file) => measures.test(file)),
    named: jobsIn(isNamed),
  };
}

/**
 * The files that may have a test of that name: those that have it in their text first, then those that put names together while they are
 * loaded, where any may come out. Loading all others to learn their names would take half a minute.
 */
export async function filteredJobs(filter: string, asked: string[]): Promise<Job[]> {
  const possible = (await findSuites()).filter(({ name }) => !namedSuites.includes(name) || asked.includes(name));
  const suites = await Promise.all(possible.map(async ({ name, files }) => ({
    name,
    files: await Promise.all(files.map(async (path) => ({
      path,
      has: mayHave(filter, await Deno.readTextFile(join(root, path))),
    }))),
  })));
  return (["in its text", "perhaps"] as const).flatMap((kind) =>
    suites.flatMap(({ name, files }) => jobsOf(name, files.filter(({ has }) => has === kind).map(({ path }) => path)))
  );
}

async function findSuites(): Promise<{ name: string; files: string[] }[]> {
  const names: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(join(root, "tests"))) if (isDirectory) names.push(name);
  const place = (name: string) => order.includes(name) ? order.indexOf(name) : order.length;
  names.sort((a, b) => place(a) - place(b) || a.localeCompare(b));
  return await Promise.all(names.map(async (name) => ({ name, files: await filesBelow(`tests/${name}`, "_test.ts") })));
}

function jobsOf(check: string, files: string[]): Job[] {
  const size = quickSuites.includes(check)
    ? quickFilesPerJob
    : namedSuites.includes(check) || slowSuites.includes(check)
    ? 1
    : filesPerJob;
  const parts = Math.ceil(files.length / size);
  return Array.from({ length: parts }, (_, n) => {
    const own = files.slice(n * size, (n + 1) * size);
    const name = size === 1 ? relative(`tests/${check}`, own[0]!) : `(${n + 1} of ${parts})`;
    return { check, part: parts === 1 ? undefined : name, run: (options: RunOptions) => runFiles(own, options) };
  });
}

/** Whether a test file of this text has a test whose name contains the filter. A filter between slashes is a regular expression. */
export function mayHave(filter: string, text: string): "in its text" | "perhaps" | "no" {
  const isPattern = /^\/.*\/$/.test(filter);
  if (!isPattern && text.includes(filter)) return "in its text";
  const starts = [...text.matchAll(/\bDeno\.test(?:\.\w+)?\(\s*(?:\{[^}]*?\bname:\s*)?(["'`]?)([^\n]*)/g)];
  const isMade = starts.some(([start, quote, rest]) =>
    !/\.(beforeAll|afterAll|beforeEach|afterEach)\(/.test(start!) &&
    (quote === "" || (quote === "`" && rest!.includes("${")))
  );
  return isPattern || isMade ? "perhaps" : "no";
}

async function runFiles(files: string[], options: RunOptions): Promise<Tally & { output: string; cpuSeconds: number }> {
  const path = await Deno.makeTempFile({ prefix: "lapse-report-", suffix: ".xml" });
  try {
    const filter = options.filter === undefined ? [] : [`--filter=${options.filter}`];
    // The types are a check of their own. The programs run without the legacy abort too (local/run.mjs).
    const flags = ["-A", "--no-check", "--unstable-no-legacy-abort", `--junit-path=${path}`];
    const { code, output, cpuSeconds } = await runDeno(["test", ...flags, ...filter, ...files]);
    return { ...judge({ code, xml: await Deno.readTextFile(path), files }, options), output, cpuSeconds };
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
