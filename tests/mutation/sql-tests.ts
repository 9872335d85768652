import { join } from "node:path";
import postgres from "postgres";
import { createAuthTables } from "../../local/gateway/lite.ts";
import { applyPlatform } from "../../local/platform/apply.ts";
import { provideExtensions } from "../../local/platform/extensions.ts";
import { createDatabase, type Database, dropDatabase, withConnection } from "../../local/postgres/databases.ts";
import { startPostgres } from "../../local/postgres/start.ts";
import { runTapFile } from "../support/pgtap/run-file.ts";
import { filesBelow } from "../support/runner/files.ts";
import { root } from "../support/runner/program.ts";
import { type Fault, plant, StaleFaultError } from "./fault.ts";
import type { Suite } from "./judge.ts";

/** SQL tests, each fault in a database of its own: the shop, the migrations with the fault among them, the adapter. */
export async function sqlTests(): Promise<Suite & AsyncDisposable> {
  const server = await startPostgres();
  const template = await prepareTemplate(server.url);
  let latest: { fault: Fault | null; database: Database } | null = null;

  /** A fault's folders of tests follow one another, and leave the database as it was. */
  async function databaseWith(fault: Fault | null): Promise<Database> {
    if (latest !== null && latest.fault === fault) return latest.database;
    const former = latest;
    latest = null;
    if (former) await dropDatabase(former.database);
    const database = await createDatabase(server.url, { template: template.name });
    latest = { fault, database };
    await migrate(database, fault);
    return database;
  }

  return {
    knows: (path) => path.startsWith("database/"),
    async run(path, fault) {
      const { url } = await databaseWith(fault);
      const sql = postgres(url, { max: 1, prepare: false, onnotice: () => {} });
      try {
        await sql`set statement_timeout = '30s'`;
        await sql`set search_path = "$user", public, extensions, tap`;
        return await firstProblem(join("tests", path), sql);
      } finally {
        await sql.end({ timeout: 1 });
      }
    },
    [Symbol.asyncDispose]: () => server.stop("immediate"),
  };
}

/** All that the migrations find when they begin, once, and the substitute for pgTAP. */
async function prepareTemplate(url: string): Promise<Database> {
  await applyPlatform(url, { ownerPassword: new URL(url).password });
  const template = await createDatabase(url, { name: "mutation_template" });
  await applyPlatform(template.adminUrl);
  await provideExtensions(template.adminUrl);
  await createAuthTables(template.url);
  await withConnection(template.url, async (sql) => {
    await sql.unsafe(await Deno.readTextFile(join(root, "tests/support/pgtap/pgtap.sql"))).simple();
    for (const file of await shopFiles()) if (!isAfterLapse(file)) await apply(sql, file, null);
  });
  return template;
}

async function migrate({ url }: Database, fault: Fault | null): Promise<void> {
  await withConnection(url, async (sql) => {
    const files = [...await filesBelow("migrations", ".sql"), ...(await shopFiles()).filter(isAfterLapse)];
    if (fault && !files.includes(fault.file)) {
      throw new StaleFaultError(`Cannot plant ${fault.name}: ${fault.file} is gone`);
    }
    for (const file of files) await apply(sql, file, fault);
    await sql`select lapse.enable_schedules()`;
  });
}

async function apply(sql: postgres.Sql, file: string, fault: Fault | null): Promise<void> {
  const text = await Deno.readTextFile(join(root, file));
  const planted = fault?.file === file ? plant(fault, text) : text;
  await sql.begin((transaction) => transaction.unsafe(planted).simple()).catch((error) => {
    if (fault === null) throw error;
    throw new StaleFaultError(`Does not migrate: ${error.message}`);
  });
}

async function shopFiles(): Promise<string[]> {
  return await filesBelow("examples/shop", ".sql");
}

/** The adapter needs Lapse, and so does what comes after it. */
function isAfterLapse(file: string): boolean {
  return file >= "examples/shop/3_adapter.sql";
}

async function firstProblem(folder: string, sql: postgres.Sql): Promise<string | null> {
  const files = folder.endsWith(".sql") ? [folder] : await filesBelow(folder, ".test.sql");
  if (files.length === 0) throw new Error(`Cannot judge by ${folder}: it has no SQL test`);
  for (const file of files) {
    const { problems: [problem] } = await runTapFile(file, sql);
    if (problem === undefined) continue;
    // A name that does not exist or a syntax error would fail every test, and say nothing about any of them.
    if (/ died: 42(601|702|703|804|883|P01): /.test(problem)) throw new StaleFaultError(`No code: ${problem}`);
    return problem.split("\n")[0]!;
  }
  return null;
}
