import { withConnection } from "../postgres/databases.ts";

const files = ["01_roles.sql", "02_schemas.sql", "03_auth.sql", "04_settings.sql"];

/**
 * Gives a plain PostgreSQL database what a hosted Supabase database has: roles, schemas, functions such as
 * `auth.uid()`, default privileges. Connects as superuser, and can be repeated. `ownerPassword` sets the password of
 * the role `postgres`.
 */
export async function applyPlatform(adminUrl: string, options: { ownerPassword?: string } = {}): Promise<void> {
  await withConnection(adminUrl, async (sql) => {
    for (const file of files) {
      await sql.unsafe(await Deno.readTextFile(new URL(file, import.meta.url))).simple();
    }
    if (options.ownerPassword) {
      // "alter role" takes no parameters, so format() quotes the password.
      const [row] =
        await sql`select format('alter role postgres password %L', ${options.ownerPassword}::text) as command`;
      await sql.unsafe(row!.command);
    }
  });
}
