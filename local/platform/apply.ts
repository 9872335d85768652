import { withConnection } from "../postgres/databases.ts";

const files = ["01_roles.sql", "02_schemas.sql", "03_auth.sql", "04_settings.sql"];

/**
 * Gives a plain PostgreSQL database what a hosted Supabase database brings: roles, schemas, `auth.uid()` and its kin,
 * default privileges. Connects as superuser; may be applied again. With `ownerPassword` the role `postgres` gets that
 * password.
 */
export async function applyPlatform(adminUrl: string, options: { ownerPassword?: string } = {}): Promise<void> {
  await withConnection(adminUrl, async (sql) => {
    for (const file of files) {
      await sql.unsafe(await Deno.readTextFile(new URL(file, import.meta.url))).simple();
    }
    if (options.ownerPassword) {
      // "alter role" takes no parameters; format() quotes.
      const [row] =
        await sql`select format('alter role postgres password %L', ${options.ownerPassword}::text) as command`;
      await sql.unsafe(row!.command);
    }
  });
}
