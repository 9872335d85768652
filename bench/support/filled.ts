import postgres from "postgres";
import type { Databases } from "../../local/platform/databases.ts";
import { createDatabase, type Database, dropDatabase } from "../../local/postgres/databases.ts";

/** Fills one database and hands out copies of it: each round of a bench then starts from the very same rows. */
export async function fillOnce(
  databases: Databases,
  fill: (admin: postgres.Sql) => Promise<void>,
): Promise<Databases> {
  const filled = await databases.fresh();
  const admin = postgres(filled.adminUrl, { max: 2, onnotice: () => {} });
  await fill(admin);
  await admin.end();
  return {
    ...databases,
    async fresh(): Promise<Database & AsyncDisposable> {
      const copy = await createDatabase(databases.server.url, { template: filled.name });
      return { ...copy, [Symbol.asyncDispose]: () => dropDatabase(copy) };
    },
    stop: async () => await filled[Symbol.asyncDispose](),
    [Symbol.asyncDispose]: () => filled[Symbol.asyncDispose](),
  };
}
