import { join } from "node:path";
import { filesBelow } from "./files.ts";
import { parseReport } from "./junit.ts";
import { root, runDeno } from "./program.ts";
import { fail, type Job, type RunOptions, type Tally } from "./tally.ts";

/** Quick ones first: a broken rule should not be told after minutes. Folders not named here come after them. */
const order = ["rules", "unit", "oracle", "database", "simulator", "local"];

/** What takes long, beyond `npm test`. */
const slowSuites = ["faults", "bench", "demo"];

/** Enough files for one process that starting it is a small part, and few enough that the processes end at about the same time. */
const filesPerJob = 8;

/** Every folder of `tests/` that holds a `*_test.ts` is a suite. With a filter, only files that may have a test of that name. */
export async function suiteJobs(filter?: string): Promise<{ quick: Job[]; slow: Job[] }> {
  const names: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(join(root, "tests"))) if (isDirectory) names.push(name);
  const place = (name: string) => order.includes(name) ? order.indexOf(name) : order.length;
  names.sort((a, b) => place(a) - place(b) || a.localeCompare(b));
  const jobs = (await Promise.all(names.map((name) => jobsOf(name, filter)))).flat();
  const isSlow = ({ check }: Job) => slowSuites.includes(check);
  return { quick: jobs.filter((job) => !isSlow(job)), slow: jobs.filter(isSlow) };
}

async function jobsOf(check: string, filter: string | undefined): Promise<Job[]> {
  const all = await filesBelow(`tests/${check}`, "_test.ts");
  const files = filter === undefined ? all : await filesThatMayHave(filter, all);
  const parts = Math.ceil(files.length / filesPerJob);
  return Array.from({ length: parts }, (_, n) => ({
    check,
    part: parts === 1 ? undefined : `(${n + 1} of ${parts})`,
    run: (options: RunOptions) => runFiles(files.slice(n * filesPerJob, (n + 1) * filesPerJob), options),
  }));
}

/**
 * Loading every file to learn its tests' names takes half a minute. A name that is written in a file is found in its text; one that is put
 * together there may be any. A filter between slashes is a regular expression, which may match either.
 */
async function filesThatMayHave(filter: string, files: string[]): Promise<string[]> {
  if (/^\/.*\/$/.test(filter)) return files;
  const texts = await Promise.all(files.map((file) => Deno.readTextFile(join(root, file))));
  return files.filter((_, index) => mayHave(filter, texts[index]!));
}

/** Whether a test file of this text may have a test whose name contains the filter. */
export function mayHave(filter: string, text: string): boolean {
  if (text.includes(filter)) return true;
  const starts = [...text.matchAll(/\bDeno\.test(?:\.\w+)?\(\s*(?:\{[^}]*?\bname:\s*)?(["'`]?)([^\n]*)/g)];
  return starts.some(([start, quote, rest]) =>
    !/\.(beforeAll|afterAll|beforeEach|afterEach)\(/.test(start!) &&
    (quote === "" || (quote === "`" && rest!.includes("${")))
  );
}

async function runFiles(files: string[], options: RunOptions): Promise<Tally & { output: string }> {
  const path = await Deno.makeTempFile({ prefix: "lapse-report-", suffix: ".xml" });
  try {
    const filter = options.filter === undefined ? [] : [`--filter=${options.filter}`];
    // The types are a check of their own. The programs run without the legacy abort too (local/run.mjs).
    const flags = ["-A", "--no-check", "--unstable-no-legacy-abort", `--junit-path=${path}`];
    const { code, output } = await runDeno(["test", ...flags, ...filter, ...files]);
    return { ...judge({ code, xml: await Deno.readTextFile(path), files }, options), output };
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
