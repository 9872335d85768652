import postgres from "postgres";

/** A database on a server. `adminUrl` connects as superuser, `url` as `postgres`, the owner. */
export type Database = { name: string; adminUrl: string; url: string };

/**
 * Creates a database owned by `postgres`, as a copy of `template` if one is given. `adminUrl` is any database of the
 * server, as superuser. PostgreSQL refuses to copy a database that has connections.
 */
export async function createDatabase(
  adminUrl: string,
  options: { template?: string; name?: string } = {},
): Promise<Database> {
  return await withConnection(adminUrl, (sql) => createOver(sql, adminUrl, options));
}

/** The same over an open connection of the superuser, which saves a third of the time. */
export async function createOver(
  sql: postgres.Sql,
  adminUrl: string,
  { template = "template0", name = `lapse_${crypto.randomUUID().replaceAll("-", "").slice(0, 12)}` }: {
    template?: string;
    name?: string;
  },
): Promise<Database> {
  // Copying files takes a quarter of the processor time that the default takes, which writes each block to the WAL.
  await sql`create database ${sql(name)} template ${sql(template)} owner postgres strategy file_copy`;
  return describeDatabase(adminUrl, name);
}

/** Drops the database and closes its connections. A missing one is no error. */
export async function dropDatabase(database: Database): Promise<void> {
  const maintenance = describeDatabase(database.adminUrl, "postgres").adminUrl;
  await withConnection(maintenance, (sql) => dropOver(sql, database));
}

export async function dropOver(sql: postgres.Sql, { name }: Database): Promise<void> {
  await sql`drop database if exists ${sql(name)} with (force)`;
}

/**
 * The URLs of a database on the server behind `adminUrl`. On our own servers `postgres` has the superuser's password.
 */
export function describeDatabase(adminUrl: string, name: string): Database {
  const admin = new URL(adminUrl);
  admin.pathname = `/${name}`;
  const owner = new URL(admin);
  owner.username = "postgres";
  return { name, adminUrl: admin.href, url: owner.href };
}

/** Runs `work` on one connection, and always closes it. */
export async function withConnection<T>(url: string, work: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    return await work(sql);
  } finally {
    await sql.end({ timeout: 1 });
  }
}
