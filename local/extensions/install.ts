import { join } from "node:path";
import type postgres from "postgres";

/**
 * The extensions that have a substitute here. `table`: its presence shows that a database has the extension or its
 * substitute.
 */
const standIns = {
  pg_cron: { version: "1.4-standin", table: "cron.job" },
  pg_net: { version: "0.20.4-standin", table: "net.http_request_queue" },
  supabase_vault: { version: "0.3.1-standin", table: "vault.secrets" },
} as const;

export type StandIn = keyof typeof standIns;
const names = Object.keys(standIns) as StandIn[];

/**
 * Copies control and SQL files into a server's `share/extension` folder, so that `create extension pg_cron` works
 * there. An extension that the server already has is left alone. Returns the copied names.
 */
export async function installExtensionFiles(shareExtensionDir: string): Promise<StandIn[]> {
  const missing = await filterAsync(names, async (name) => {
    const control = await readOptional(join(shareExtensionDir, `${name}.control`));
    return control === undefined || control.includes("stand-in for");
  });
  for (const name of missing) {
    for (const file of [`${name}.control`, scriptName(name)]) {
      await Deno.copyFile(fileUrl(name, file), join(shareExtensionDir, file));
    }
  }
  return missing;
}

/**
 * Runs the substitutes' scripts as plain SQL, for a server whose extension folder is not writable. Needs a superuser.
 * Extensions and substitutes that are already present are left alone. `names` are those of `StandIn`.
 */
export async function applyAsPlainSql(sql: postgres.Sql, names: string[]): Promise<void> {
  for (const name of names) {
    if (!isStandIn(name)) throw new Error(`Cannot apply ${name} as plain SQL: there is no stand-in of that name`);
    if (await exists(sql, name)) continue;
    await sql.begin(async (transaction) => {
      await transaction.unsafe(await Deno.readTextFile(fileUrl(name, scriptName(name)))).simple();
    });
  }
}

/** The substitutes that a database has. Only they need a worker; the originals have their own. */
export async function findStandIns(sql: postgres.Sql): Promise<StandIn[]> {
  return await filterAsync(names, async (name) => {
    if (!await exists(sql, name)) return false;
    const [extension] = await sql`select extversion from pg_catalog.pg_extension where extname = ${name}`;
    return extension === undefined || extension.extversion === standIns[name].version;
  });
}

function isStandIn(name: string): name is StandIn {
  return name in standIns;
}

function scriptName(name: StandIn): string {
  return `${name}--${standIns[name].version}.sql`;
}

function fileUrl(name: StandIn, file: string): URL {
  return new URL(`${name}/${file}`, import.meta.url);
}

async function exists(sql: postgres.Sql, name: StandIn): Promise<boolean> {
  const [row] = await sql`select to_regclass(${standIns[name].table}) is not null as found`;
  return row!.found;
}

async function readOptional(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

async function filterAsync<T>(items: T[], keep: (item: T) => Promise<boolean>): Promise<T[]> {
  const kept = await Promise.all(items.map(keep));
  return items.filter((_, index) => kept[index]);
}
