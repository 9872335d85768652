import postgres from "postgres";

/** One database on a server: `adminUrl` is the superuser's way in, `url` that of `postgres`, the owner. */
export type Database = { name: string; adminUrl: string; url: string };

/**
 * Creates a database that belongs to `postgres`, as a copy of `template` if one is given. `adminUrl` is any database
 * of the server as superuser. About 50 ms. PostgreSQL refuses to copy a database somebody is connected to.
 */
export async function createDatabase(
  adminUrl: string,
  options: { template?: string; name?: string } = {},
): Promise<Database> {
  const name = options.name ?? `lapse_${crypto.randomUUID().replaceAll("-", "").slice(0, 12)}`;
  await withConnection(adminUrl, async (sql) => {
    await sql`create database ${sql(name)} template ${sql(options.template ?? "template0")}`;
    await sql`alter database ${sql(name)} owner to postgres`;
  });
  return describeDatabase(adminUrl, name);
}

/** Drops the database and ends its connections. No error if it is gone. */
export async function dropDatabase(database: Database): Promise<void> {
  const maintenance = describeDatabase(database.adminUrl, "postgres").adminUrl;
  await withConnection(maintenance, (sql) => sql`drop database if exists ${sql(database.name)} with (force)`);
}

/** The URLs of one database of the server behind `adminUrl`. `postgres` has the superuser's password on our own servers. */
export function describeDatabase(adminUrl: string, name: string): Database {
  const admin = new URL(adminUrl);
  admin.pathname = `/${name}`;
  const owner = new URL(admin);
  owner.username = "postgres";
  return { name, adminUrl: admin.href, url: owner.href };
}

/** Runs `work` on one connection and closes it, whatever happens. */
export async function withConnection<T>(url: string, work: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    return await work(sql);
  } finally {
    await sql.end({ timeout: 1 });
  }
}
