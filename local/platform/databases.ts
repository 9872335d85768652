import { createDatabase, type Database, dropDatabase, withConnection } from "../postgres/databases.ts";
import { type Postgres, type PostgresOptions, startPostgres } from "../postgres/start.ts";
import { applyPlatform } from "./apply.ts";
import { provideExtensions } from "./extensions.ts";
import { migrate } from "./migrate.ts";

/** A server with a prepared template: platform, extensions and migrations are applied once, each database is a copy. */
export type Databases = {
  server: Postgres;
  /** A migrated database of one's own in about 70 ms. Gone with the server, or by `dropDatabase`. */
  fresh(): Promise<Database & AsyncDisposable>;
  stop(): Promise<void>;
} & AsyncDisposable;

/** Starts PostgreSQL and prepares the template: about 2 s, most of it the Supabase CLI. */
export async function startDatabases(options: PostgresOptions = {}): Promise<Databases> {
  const server = await startPostgres(options);
  try {
    await applyPlatform(server.url, { ownerPassword: new URL(server.url).password });
    const template = await createDatabase(server.url, { name: "lapse_template" });
    await prepareDatabase(template);
    const stop = () => server.stop("immediate");
    return { server, fresh: () => copy(server, template), stop, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await server.stop("immediate");
    throw error;
  }
}

/** Makes an empty database a migrated one: platform SQL, extensions or their stand-ins, `migrations/`. */
export async function prepareDatabase(database: Pick<Database, "adminUrl" | "url">): Promise<void> {
  await applyPlatform(database.adminUrl);
  await provideExtensions(database.adminUrl);
  await migrate(database.url);
}

async function copy(server: Postgres, template: Database): Promise<Database & AsyncDisposable> {
  const database = await createDatabase(server.url, { template: template.name });
  // pg_cron notes the database a job runs in; the copied jobs still name the template.
  await withConnection(database.adminUrl, (sql) => sql`update cron.job set database = current_database()`);
  return { ...database, [Symbol.asyncDispose]: () => dropDatabase(database) };
}
