// As a namespace, and the locale by its file: otherwise a bundle carries all of zod's locales, a quarter of a function's code.
import * as z from "zod/mini";
import en from "zod/v4/locales/en.js";

// zod/mini does not load a locale by itself, so error messages need one here. It is used because it starts faster than full zod.
z.config(en());

/**
 * For schemas that a process uses rarely: its environment, a request, the database's answers. zod compiles a parser at a schema's first
 * use, which pays off only after hundreds of objects and would slow down the start of every run.
 */
export const WITHOUT_COMPILING = { jitless: true };

/** Any UUID that PostgreSQL takes. `z.uuid()` takes only those of RFC 9562, and callers may choose any. */
export const uuid = z.guid();
export const instant = z.pipe(z.iso.datetime({ offset: true }), z.transform((text) => new Date(text)));
export const count = z.int().check(z.nonnegative());

/** What is wrong with a value, and where in it, without the value. */
export function issueOf({ issues: [issue] }: z.core.$ZodError): string {
  return `${issue?.path.join(".") || "its root"}: ${issue?.message ?? "malformed"}`;
}
