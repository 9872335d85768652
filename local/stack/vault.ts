import { withConnection } from "../postgres/databases.ts";

/** Writes Vault entries, as `[db.vault]` in supabase/config.toml does at a deployment; replaces those of the same name. */
export async function setVaultEntries(url: string, entries: Record<string, string>): Promise<void> {
  await withConnection(url, async (sql) => {
    await sql.begin(async (transaction) => {
      for (const [name, secret] of Object.entries(entries)) {
        await transaction`delete from vault.secrets where name = ${name}`;
        await transaction`select vault.create_secret(${secret}, ${name})`;
      }
    });
  });
}

/** Takes entries out again: a dispatch then fails loudly, rather than call an address that somebody else has by now. */
export async function removeVaultEntries(url: string, names: string[]): Promise<void> {
  await withConnection(url, (sql) => sql`delete from vault.secrets where name = any(${names})`);
}
