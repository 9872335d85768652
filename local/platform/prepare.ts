import { fileURLToPath } from "node:url";
import type postgres from "postgres";
import { type Database, withConnection } from "../postgres/databases.ts";
import { superuser } from "../postgres/installation.ts";
import { applyPlatform } from "./apply.ts";
import { provideExtensions } from "./extensions.ts";
import { migrate } from "./migrate.ts";

/** The contents of a database besides the platform. */
export type Preparation = {
  /**
   * The folder with a shop's SQL, by default the sample shop's. Null installs Lapse into an empty project, without an
   * adapter.
   */
  shop?: URL | null;
  /**
   * The folder of another project. Its own migrations, which create a shop and Lapse, are applied instead of `shop` and
   * those here.
   */
  project?: string;
  /** Whether the cron jobs are installed and active; by default if there is an adapter. */
  schedules?: boolean;
};

export const sampleShop = new URL("../../examples/shop/", import.meta.url);
export const nextShop = new URL("../../examples/next-shop/", import.meta.url);

const ownProject = fileURLToPath(new URL("../..", import.meta.url));

/**
 * Turns an empty database into a project with a shop and Lapse, in the order in which a shop adopts it: platform,
 * extensions or substitutes, the shop's tables and checkout, the migrations, the adapter. A database that was already
 * prepared keeps its contents.
 */
export async function prepareDatabase(
  database: Pick<Database, "adminUrl" | "url">,
  preparation: Preparation = {},
): Promise<void> {
  const { shop = preparation.project === undefined ? sampleShop : null, project = ownProject } = preparation;
  await applyPlatform(database.adminUrl);
  await provideExtensions(database.adminUrl);
  // Loaded only here, because copying a prepared database does not need it.
  await (await import("../gateway/lite.ts")).createAuthTables(database.url);
  // As on the platform, where migrations may refer to auth.users although another role owns it.
  await withConnection(database.adminUrl, (sql) => sql`grant all on all tables in schema auth to postgres`);
  const files = shop === null ? { before: [], after: [] } : await shopFiles(shop);
  if (!await has(database, "to_regnamespace('lapse')")) await applyFiles(database.url, files.before);
  await migrate(database.url, project);
  if (!await hasAdapter(database)) await applyFiles(database.url, files.after);
  if (preparation.schedules ?? await hasAdapter(database)) {
    await withOwner(database.url, (sql) => sql`select lapse.enable_schedules()`);
  }
}

/** A shop's SQL files. Its own files are applied before Lapse's migrations; the adapter and later files need Lapse. */
async function shopFiles(shop: URL): Promise<{ before: URL[]; after: URL[] }> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(shop)) if (name.endsWith(".sql")) names.push(name);
  names.sort();
  const adapter = names.findIndex((name) => name.includes("adapter"));
  if (adapter === -1) throw new Error(`Cannot use ${shop.pathname} as a shop: it has no SQL file named adapter`);
  const urls = names.map((name) => new URL(name, shop));
  return { before: urls.slice(0, adapter), after: urls.slice(adapter) };
}

/** Each file is applied in a transaction, as the CLI applies migrations. */
async function applyFiles(url: string, files: URL[]): Promise<void> {
  await withOwner(url, async (sql) => {
    for (const file of files) {
      const text = await Deno.readTextFile(file);
      await sql.begin((transaction) => transaction.unsafe(text).simple()).catch((error) => {
        throw new Error(`Cannot apply ${file.pathname}: ${error.message}`, { cause: error });
      });
    }
  });
}

/**
 * The CLI migrates as `postgres` when it connects as `supabase_admin`, so all other objects must belong to the same
 * role.
 */
function withOwner<T>(url: string, work: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  return withConnection(url, async (sql) => {
    if (new URL(url).username === superuser) await sql`set role postgres`;
    return await work(sql);
  });
}

function hasAdapter(database: Pick<Database, "url">): Promise<boolean> {
  return has(database, "to_regprocedure('lapse_shop.contract_version()')");
}

function has({ url }: Pick<Database, "url">, expression: string): Promise<boolean> {
  return withConnection(url, async (sql) => (await sql.unsafe(`select ${expression} is not null as found`))[0]!.found);
}
