import { type Databases, prepareDatabase, startDatabases } from "../platform/databases.ts";
import { type Database } from "../postgres/databases.ts";

export type StackDatabase = { database: Database; release(): Promise<void> };

/**
 * The stack's database: a copy of `databases`' template, or somebody's own server at `dbUrl` (made ready in place and
 * left as it is at the end), or a server of its own.
 */
export async function provideDatabase(options: { databases?: Databases; dbUrl?: string }): Promise<StackDatabase> {
  if (options.dbUrl) {
    const name = new URL(options.dbUrl).pathname.slice(1);
    const database = { name, adminUrl: options.dbUrl, url: options.dbUrl };
    await prepareDatabase(database);
    return { database, release: () => Promise.resolve() };
  }
  const databases = options.databases ?? await startDatabases();
  const database = await databases.fresh();
  const release = async () => {
    if (options.databases) await database[Symbol.asyncDispose]();
    else await databases.stop();
  };
  return { database, release };
}
