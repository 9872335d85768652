import { join } from "node:path";
import { applyPlatform } from "../../local/platform/apply.ts";
import { provideExtensions } from "../../local/platform/extensions.ts";
import { createDatabase, type Database, dropDatabase, withConnection } from "../../local/postgres/databases.ts";
import { startDebianPostgres } from "../ci/debian-postgres.ts";
import { filesBelow } from "../support/runner/files.ts";

/** A server with pgTAP, on which the migrations of a folder are tried. */
export type PgTap = {
  /** Migrates a fresh database with the folder's migrations and runs its tests; the first failure, or null. */
  firstFailure(folder: string, paths: string[]): Promise<string | null>;
} & AsyncDisposable;

const PGTAP = "/usr/share/postgresql/15/extension/pgtap.control";

/** Null where Debian's PostgreSQL with pgTAP is not installed. */
export async function startPgTap(): Promise<PgTap | null> {
  if (await Deno.stat(PGTAP).then(() => false, () => true)) return null;
  const server = await startDebianPostgres({ "cron.max_running_jobs": 0 });
  const template = await prepareTemplate(server.url);
  return {
    async firstFailure(folder, paths) {
      const database = await createDatabase(server.url, { template: template.name });
      try {
        return await migrate(folder, database) ?? await prove(folder, { database, paths });
      } finally {
        await dropDatabase(database);
      }
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** All that the migrations find when they begin, once; pg_cron's stand-in, because the real one serves one database only. */
async function prepareTemplate(url: string): Promise<Database> {
  await applyPlatform(url, { ownerPassword: new URL(url).password });
  const template = await createDatabase(url, { name: "mutation_template" });
  await applyPlatform(template.adminUrl);
  const warn = console.warn;
  console.warn = () => {};
  await provideExtensions(template.adminUrl).finally(() => console.warn = warn);
  await withConnection(template.adminUrl, (sql) => sql`create extension pgtap with schema extensions`);
  return template;
}

async function migrate(folder: string, { url }: Database): Promise<string | null> {
  const files = (await filesBelow("migrations", ".sql")).flatMap((path) => ["-f", join(folder, path)]);
  const { success, output } = await run("psql", ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", url, ...files]);
  return success ? null : `does not migrate: ${output.match(/ERROR: .*/)?.[0] ?? output}`;
}

async function prove(
  folder: string,
  { database, paths }: { database: Database; paths: string[] },
): Promise<string | null> {
  const folders = paths.map((path) => join(folder, "tests/database", path));
  const args = ["--norc", "--verbose", "--recurse", "--ext", ".sql", "--dbname", database.url, ...folders];
  const { success, output } = await run("pg_prove", args);
  if (success) return null;
  return output.match(/^not ok \d+ - (.*)$/m)?.[1] ?? output.match(/ERROR: .*/)?.[0] ?? "pg_prove failed";
}

async function run(program: string, args: string[]): Promise<{ success: boolean; output: string }> {
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args,
    stdin: "null",
    // A database's own settings, the search path among them, do not come along when it is copied.
    env: { PGOPTIONS: "--client-min-messages=warning --statement_timeout=30s --search_path=public,extensions" },
    signal: AbortSignal.timeout(120_000),
  }).output();
  return { success, output: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}
