import { type Databases, startDatabases } from "../platform/databases.ts";
import { prepareDatabase } from "../platform/prepare.ts";
import { applyPlatform } from "../platform/apply.ts";
import { createDatabase, type Database } from "../postgres/databases.ts";
import { startPostgres } from "../postgres/start.ts";

export type StackDatabase = { database: Database; release(): Promise<void> };

/**
 * The stack's database: a copy of `databases`' template, or a database on another server at `dbUrl` (prepared in place
 * and kept at the end), or one on a new server. `project` applies that project's migrations instead of the sample shop
 * and Lapse's own.
 */
export async function provideDatabase(
  options: { databases?: Databases; dbUrl?: string; project?: string },
): Promise<StackDatabase> {
  const { project } = options;
  if (options.dbUrl) {
    const name = new URL(options.dbUrl).pathname.slice(1);
    const database = { name, adminUrl: options.dbUrl, url: options.dbUrl };
    await prepareDatabase(database, { project });
    return { database, release: () => Promise.resolve() };
  }
  if (project !== undefined) return await provideProject(project);
  const databases = options.databases ?? await startDatabases();
  const database = await databases.fresh();
  const release = async () => {
    if (options.databases) await database[Symbol.asyncDispose]();
    else await databases.stop();
  };
  return { database, release };
}

/** A separate server for another project. Its migrations may change at any time, so nothing is cached. */
async function provideProject(project: string): Promise<StackDatabase> {
  const server = await startPostgres();
  try {
    await applyPlatform(server.url, { ownerPassword: new URL(server.url).password });
    const database = await createDatabase(server.url);
    await prepareDatabase(database, { project });
    return { database, release: () => server.stop("immediate") };
  } catch (error) {
    await server.stop("immediate");
    throw error;
  }
}
