import { z } from "zod/mini";

// zod/mini does not load a locale by itself, so error messages need one here. It is used because it starts faster than full zod.
z.config(z.locales.en());

/**
 * For schemas that a process uses rarely: its environment, a request, the database's answers. zod compiles a parser at a schema's first
 * use, which pays off only after hundreds of objects and would slow down the start of every run.
 */
export const WITHOUT_COMPILING = { jitless: true };

/** Any UUID that PostgreSQL takes. `z.uuid()` takes only those of RFC 9562, and a caller may make one up by hand. */
export const uuid = z.guid();
export const instant = z.pipe(z.iso.datetime({ offset: true }), z.transform((text) => new Date(text)));
export const count = z.int().check(z.nonnegative());

/** What is wrong with a value, and where in it, without the value. */
export function issueOf({ issues: [issue] }: z.core.$ZodError): string {
  return `${issue?.path.join(".") || "its root"}: ${issue?.message ?? "malformed"}`;
}
