import { createHash } from "node:crypto";
import { join } from "node:path";
import { filesBelow } from "../support/runner/files.ts";
import { root } from "../support/runner/program.ts";
import type { Fault } from "./fault.ts";
import { SURVIVORS } from "./survivors.ts";

/**
 * `unsound`: the test that failed fails without the fault, too. `stale`: the place of the fault is gone. `by`: the test that caught it, or
 * what is wrong. `asked`: how many paths of its suite were tried.
 */
export type Result = {
  name: string;
  outcome: "caught" | "survived" | "unsound" | "stale";
  by: string | null;
  asked: number;
  seconds: number;
};

const file = join(root, "node_modules", ".lapse-mutation.jsonl");

/** What earlier runs found out, by {@linkcode keysOf}. */
export async function readSaved(): Promise<Map<string, Result>> {
  const text = await Deno.readTextFile(file).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  });
  return new Map(
    text.split("\n").filter(Boolean).map((line) => JSON.parse(line)).map(({ key, ...result }) => [key, result]),
  );
}

export async function save(key: string, result: Result): Promise<void> {
  if (result.outcome === "unsound" || result.outcome === "stale") return;
  await Deno.writeTextFile(file, `${JSON.stringify({ key, ...result })}\n`, { append: true });
}

/**
 * One key for each number of paths that were tried: what was caught stays caught while the fault, its file and the tests up to the one that
 * caught it are the same; what survived is tried again as soon as any of its tests changes.
 */
export async function keysOf(fault: Fault): Promise<string[]> {
  const hash = createHash("sha256").update(JSON.stringify(fault)).update(
    await Deno.readTextFile(join(root, fault.file)).catch(() => "gone"),
  );
  const keys = [];
  for (const path of fault.suite) {
    for (const test of await testFiles(path)) hash.update(test).update(await Deno.readTextFile(join(root, test)));
    keys.push(hash.copy().digest("hex"));
  }
  return keys;
}

async function testFiles(path: string): Promise<string[]> {
  const whole = join("tests", path);
  return /\.(ts|sql)$/.test(whole) ? [whole] : await filesBelow(whole, "");
}

export type Summary = { faults: number; caught: number; explained: number; failed: number };

export function summarise(results: Result[]): Summary {
  const caught = results.filter(({ outcome }) => outcome === "caught").length;
  const explained = results.filter(({ name, outcome }) => outcome === "survived" && name in SURVIVORS).length;
  return { faults: results.length, caught, explained, failed: results.length - caught - explained };
}
