import { z } from "zod/mini";

// zod/mini is zod without a method for everything on every schema, which is most of what zod builds at a start. It also leaves the
// language of its messages to the program.
z.config(z.locales.en());

/**
 * For what a process parses seldom: its environment, a request, answers of the database. At the first use of a schema zod compiles a
 * parser for it, which pays off after hundreds of objects and costs more than the answer that begins a run.
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
