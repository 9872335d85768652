/**
 * For what a process parses seldom: its environment, a request, answers of the database. zod writes and compiles a parser of its own
 * for each schema at the first use, which pays after hundreds of objects and costs more than the answer that begins a run.
 */
export const WITHOUT_COMPILING = { jitless: true };
