import type { Databases } from "../../local/platform/databases.ts";
import { createDatabase, type Database, dropDatabase, withConnection } from "../../local/postgres/databases.ts";
import type postgres from "postgres";

/** Fills one database and hands out copies of it: each round of a bench then starts from the very same rows. */
export async function fillOnce(
  databases: Databases,
  fill: (sql: postgres.Sql) => Promise<void>,
): Promise<Databases> {
  const filled = await databases.fresh();
  await withConnection(filled.url, fill);
  return {
    server: databases.server,
    async fresh(): Promise<Database & AsyncDisposable> {
      const copy = await createDatabase(databases.server.url, { template: filled.name });
      return { ...copy, [Symbol.asyncDispose]: () => dropDatabase(copy) };
    },
    stop: async () => await filled[Symbol.asyncDispose](),
    [Symbol.asyncDispose]: () => filled[Symbol.asyncDispose](),
  };
}
