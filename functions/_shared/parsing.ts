import { z } from "zod/mini";

// zod/mini is zod without a method for everything on every schema, which are most of what zod builds at a start. It also leaves the
// language of its messages to the program.
z.config(z.locales.en());

/**
 * For what a process parses seldom: its environment, a request, answers of the database. zod writes and compiles a parser of its own
 * for each schema at the first use, which pays after hundreds of objects and costs more than the answer that begins a run.
 */
export const WITHOUT_COMPILING = { jitless: true };
