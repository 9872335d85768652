import { withConnection } from "../postgres/databases.ts";

/**
 * Writes Vault entries, as `[db.vault]` in supabase/config.toml does in a deployment. Entries of the same name are
 * replaced.
 */
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
 * Writes Vault entries and restores the previous ones when it is disposed of. Where there were none, a later dispatch
 * fails with an error instead of calling an address that may belong to another program by then.
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
