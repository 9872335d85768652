import { fileURLToPath } from "node:url";
import type postgres from "postgres";
import { type Database, withConnection } from "../postgres/databases.ts";
import { superuser } from "../postgres/installation.ts";
import { applyPlatform } from "./apply.ts";
import { provideExtensions } from "./extensions.ts";
import { migrate } from "./migrate.ts";

/** What a database holds beside the platform. */
export type Preparation = {
  /** Folder of a shop's SQL, the sample shop by default; null installs Lapse into an empty project, without an adapter. */
  shop?: URL | null;
  /** Folder of somebody's project: its own migrations, which bring a shop and Lapse with them, instead of `shop` and those here. */
  project?: string;
  /** Whether the cron jobs are installed and active; by default where there is an adapter. */
  schedules?: boolean;
};

export const sampleShop = new URL("../../examples/shop/", import.meta.url);
export const nextShop = new URL("../../examples/next-shop/", import.meta.url);

const ownProject = fileURLToPath(new URL("../..", import.meta.url));

/**
 * Makes an empty database a project with a shop and Lapse, in the order in which a shop adopts it: platform SQL, extensions or their
 * stand-ins, the shop's tables and checkout, the migrations, the adapter. A database that was prepared before keeps what it has.
 */
export async function prepareDatabase(
  database: Pick<Database, "adminUrl" | "url">,
  preparation: Preparation = {},
): Promise<void> {
  const { shop = preparation.project === undefined ? sampleShop : null, project = ownProject } = preparation;
  await applyPlatform(database.adminUrl);
  await provideExtensions(database.adminUrl);
  // Loaded only here: who copies a prepared database has no use for it.
  await (await import("../gateway/lite.ts")).createAuthTables(database.url);
  // As on the platform, where migrations may refer to auth.users whoever owns it.
  await withConnection(database.adminUrl, (sql) => sql`grant all on all tables in schema auth to postgres`);
  const files = shop === null ? { before: [], after: [] } : await shopFiles(shop);
  if (!await has(database, "to_regnamespace('lapse')")) await applyFiles(database.url, files.before);
  await migrate(database.url, project);
  if (!await hasAdapter(database)) await applyFiles(database.url, files.after);
  if (preparation.schedules ?? await hasAdapter(database)) {
    await withOwner(database.url, (sql) => sql`select lapse.enable_schedules()`);
  }
}

/** A shop's SQL files: its own ones stood there before Lapse came, the adapter and what follows it needs Lapse. */
async function shopFiles(shop: URL): Promise<{ before: URL[]; after: URL[] }> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(shop)) if (name.endsWith(".sql")) names.push(name);
  names.sort();
  const adapter = names.findIndex((name) => name.includes("adapter"));
  if (adapter === -1) throw new Error(`Cannot use ${shop.pathname} as a shop: it has no SQL file named adapter`);
  const urls = names.map((name) => new URL(name, shop));
  return { before: urls.slice(0, adapter), after: urls.slice(adapter) };
}

/** Each file in a transaction of its own, as the CLI applies a migration. */
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

/** The CLI migrates as `postgres` where it comes as `supabase_admin`; whatever else it meets must belong to the same role. */
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
