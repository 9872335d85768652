import { createHash } from "node:crypto";
import { z } from "zod";
import { UsageError } from "../errors.ts";
import type { Files } from "./release.ts";

export const LOCK = "lapse.json";

const hash = z.string().regex(/^[0-9a-f]{64}$/);
const schema = z.strictObject({
  about: z.string(),
  version: z.string(),
  contract: z.int(),
  /**
   * Oldest first. A migration is identified by its name and contents, because its number may be changed to move it
   * after another one.
   */
  migrations: z.array(z.strictObject({ name: z.string(), release: z.string(), sha256: hash })),
  functions: z.record(z.string(), z.record(z.string(), hash)),
});

/** The record of what Lapse installed in this repository: supabase/lapse.json. */
export type Lock = z.infer<typeof schema>;

const ABOUT = "What Lapse installed here; lapse update, uninstall and doctor read it. Commit it, and do not edit it.";

/** @throws UsageError if the file is damaged. */
export function readLock(text: string): Lock {
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    throw new UsageError(`Cannot read supabase/${LOCK}: it is damaged. Restore it from the repository's history`);
  }
}

export function writeLock(lock: Omit<Lock, "about">): string {
  return JSON.stringify({ about: ABOUT, ...lock }, null, 2) + "\n";
}

/** The hash of a text, independent of how a checkout wrote its line endings. */
export function hashOf(text: string): string {
  return createHash("sha256").update(text.replaceAll("\r\n", "\n")).digest("hex");
}

export function hashesOf(files: Files): Record<string, string> {
  return Object.fromEntries(Object.entries(files).map(([path, text]) => [path, hashOf(text)]));
}
