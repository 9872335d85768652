import { dirname, join } from "node:path";
import type postgres from "postgres";
import { root } from "../runner/program.ts";

/** What one file of tests said: each line of TAP that is a test, and what is wrong with the file as a whole. */
export type FileResult = { passed: number; problems: string[] };

/**
 * Runs one file as pg_prove runs it through psql, on a connection of its own. The file brings its transaction and rolls it back, so that
 * the next one finds the database as it was.
 */
export async function runTapFile(path: string, sql: postgres.Sql): Promise<FileResult> {
  const text = await included(path);
  if (!/^begin;/m.test(text) || !/\brollback;\s*$/.test(text)) {
    return { passed: 0, problems: [`${path} is no transaction that ends in rollback`] };
  }
  try {
    // Prepared statements outlive a rollback.
    const results = await sql.unsafe(`deallocate all; ${text}`).simple() as unknown as
      | Record<string, unknown>[]
      | Record<
        string,
        unknown
      >[][];
    return judge(results.flat().flatMap((row) => Object.values(row)).map(String));
  } catch (error) {
    await sql`rollback`;
    const { message, code } = error as { message: string; code?: string };
    return { passed: 0, problems: [`${path} died: ${code}: ${message}`] };
  }
}

/** psql's `\ir`: the text of another file, named from the folder of this one. Other commands of psql are not understood. */
async function included(path: string): Promise<string> {
  const lines: string[] = [];
  for (const line of (await Deno.readTextFile(join(root, path))).split("\n")) {
    const [, file] = line.match(/^\\ir\s+(\S+)\s*$/) ?? [];
    if (file) lines.push(await included(join(dirname(path), file)));
    else if (line.startsWith("\\")) throw new Error(`Cannot run ${path} without psql: ${line}`);
    else lines.push(line);
  }
  return lines.join("\n");
}

/** A file may show other values than TAP (a call for its effect): only lines that are TAP count. */
export function judge(values: string[]): FileResult {
  const result: FileResult = { passed: 0, problems: [] };
  let planned: number | undefined;
  let run = 0;
  for (const value of values) {
    const plan = value.match(/^1\.\.(\d+)$/);
    if (plan) planned = Number(plan[1]);
    if (/^ok \d+ - /.test(value)) result.passed++;
    else if (/^not ok \d+ - /.test(value)) result.problems.push(value);
    else continue;
    run++;
  }
  if (planned !== run) result.problems.push(`planned ${planned ?? "no"} tests and ran ${run}`);
  return result;
}
