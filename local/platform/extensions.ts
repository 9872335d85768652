import type postgres from "postgres";
import { applyAsPlainSql } from "../extensions/install.ts";
import { withConnection } from "../postgres/databases.ts";

/** The platform's extensions for scheduling, HTTP and secrets, in the schemas that the platform uses. */
const wanted: { name: string; schema?: string }[] = [
  { name: "pg_cron", schema: "pg_catalog" },
  { name: "pg_net", schema: "extensions" },
  { name: "supabase_vault" },
];

/**
 * Creates pg_cron, pg_net and Vault as superuser and grants `postgres` the same rights as the platform does. Where the
 * server lacks an extension or refuses it (only one database per server can have pg_cron), the substitute is applied as
 * plain SQL.
 */
export async function provideExtensions(adminUrl: string): Promise<void> {
  await withConnection(adminUrl, async (sql) => {
    const created: string[] = [];
    for (const { name, schema } of wanted) {
      if (await create(sql, { name, schema })) created.push(name);
    }
    const plain = wanted.map(({ name }) => name).filter((name) => !created.includes(name));
    await applyAsPlainSql(sql, plain);
    await sql.unsafe(await Deno.readTextFile(new URL("05_extension_grants.sql", import.meta.url))).simple();
  });
}

async function create(sql: postgres.Sql, extension: { name: string; schema?: string }): Promise<boolean> {
  const available = await sql`select 1 from pg_catalog.pg_available_extensions where name = ${extension.name}`;
  if (available.length === 0) return false;
  try {
    const schema = extension.schema ? sql`with schema ${sql(extension.schema)}` : sql``;
    await sql`create extension if not exists ${sql(extension.name)} ${schema} cascade`;
    return true;
  } catch (error) {
    console.warn(
      `Cannot create extension ${extension.name} as itself, using the stand-in: ${(error as Error).message}`,
    );
    return false;
  }
}
