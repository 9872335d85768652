import { createHash } from "node:crypto";
import { join } from "node:path";
import { filesBelow } from "../support/runner/files.ts";
import { root } from "../support/runner/program.ts";
import type { Fault } from "./fault.ts";
import { suitesOf } from "./suites.ts";
import { SURVIVORS } from "./survivors.ts";

/** `stale`: the place of the fault is gone. `by`: the test that caught it, or why it is stale. `suites`: how many were asked. */
export type Result = {
  id: string;
  outcome: "caught" | "survived" | "stale";
  by: string | null;
  suites: number;
  seconds: number;
};

const file = join(root, "node_modules", ".lapse-mutation.jsonl");

/** What earlier runs found out, by the keys of {@linkcode keysOf}. */
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
  await Deno.writeTextFile(file, `${JSON.stringify({ key, ...result })}\n`, { append: true });
}

/**
 * One key for each number of suites asked: what was caught stays caught while the fault, its file and the suites up to the one that caught
 * it are the same; what survived is tried again as soon as any of its suites changes.
 */
export async function keysOf(fault: Fault): Promise<string[]> {
  const hash = createHash("sha256").update(JSON.stringify(fault)).update(
    await Deno.readTextFile(join(root, fault.file)),
  );
  const keys = [];
  for (const suite of suitesOf(fault)) {
    for (const path of await testFiles(suite)) hash.update(path).update(await Deno.readTextFile(join(root, path)));
    keys.push(hash.copy().digest("hex"));
  }
  return keys;
}

async function testFiles(suite: { kind: string; paths: string[] }): Promise<string[]> {
  const paths = suite.kind === "pgtap" ? suite.paths.map((path) => `tests/database/${path}`) : suite.paths;
  const files = await Promise.all(
    paths.map((path) => /\.(ts|sql)$/.test(path) ? [path] : filesBelow(path, "").catch(() => [])),
  );
  return files.flat();
}

export type Summary = { faults: number; caught: number; survived: number; explained: number; stale: number };

export function summarise(results: Result[]): Summary {
  const count = (outcome: Result["outcome"]) => results.filter((result) => result.outcome === outcome).length;
  const explained = results.filter(({ id, outcome }) => outcome === "survived" && id in SURVIVORS).length;
  return {
    faults: results.length,
    caught: count("caught"),
    survived: count("survived"),
    explained,
    stale: count("stale"),
  };
}

/** Every fault is caught, or its survival is explained; and the list is as new as the code. */
export function isGood({ faults, survived, explained, stale }: Summary): boolean {
  return faults > 0 && survived === explained && stale === 0;
}
