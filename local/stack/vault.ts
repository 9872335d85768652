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

/**
 * Writes Vault entries until it is disposed of. Then somebody's own entries are back; where there were none a dispatch fails loudly, rather
 * than call an address that somebody else has by now.
 */
export async function lendVaultEntries(url: string, entries: Record<string, string>): Promise<AsyncDisposable> {
  const names = Object.keys(entries);
  const before = await withConnection(url, (sql) =>
    sql<{ name: string; secret: string }[]>`
      select name, decrypted_secret as secret from vault.decrypted_secrets where name = any(${names})`);
  await setVaultEntries(url, entries);
  return {
    async [Symbol.asyncDispose]() {
      await withConnection(url, (sql) => sql`delete from vault.secrets where name = any(${names})`);
      await setVaultEntries(url, Object.fromEntries(before.map(({ name, secret }) => [name, secret])));
    },
  };
}
