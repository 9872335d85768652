import assert from "node:assert/strict";
import { asRole, startStandInServer } from "./standin_server.ts";

Deno.test("the stand-in of Vault", async (t) => {
  await using server = await startStandInServer();
  const { sql } = server;
  const read = async (name: string) =>
    (await sql`select decrypted_secret as secret, description from vault.decrypted_secrets where name = ${name}`)[0];

  await t.step("gives back what was stored, but not in the column `secret`", async () => {
    await sql`select vault.create_secret('geheim ✓', 'url', 'where to call')`;
    assert.deepEqual(await read("url"), { secret: "geheim ✓", description: "where to call" });
    const [row] = await sql`select secret from vault.decrypted_secrets where name = 'url'`;
    assert.notEqual(row!.secret, "geheim ✓");
  });

  await t.step("refuses a second secret of the same name, and lets many have none", async () => {
    await assert.rejects(sql`select vault.create_secret('other', 'url')`, { code: "23505" });
    await sql`select vault.create_secret('one'), vault.create_secret('two')`;
  });

  await t.step("refuses a null secret", async () => {
    await assert.rejects(sql`select vault.create_secret(null, 'empty')`, { code: "23502" });
  });

  await t.step("changes what is given and keeps the rest; an unknown id changes nothing", async () => {
    const [row] = await sql`select id from vault.secrets where name = 'url'`;
    await sql`select vault.update_secret(${row!.id}, 'new')`;
    assert.deepEqual(await read("url"), { secret: "new", description: "where to call" });
    await sql`select vault.update_secret(${row!.id}, new_name := 'url2')`;
    assert.equal((await read("url2"))!.secret, "new");
    await sql`select vault.update_secret(gen_random_uuid(), 'nobody')`;
  });

  await t.step("shows nothing to a role that was granted nothing, not even with the schema open to it", async () => {
    await sql`create role stranger`;
    await sql`grant usage on schema vault to stranger`;
    const denied = { code: "42501" };
    await assert.rejects(asRole(sql, "stranger", (sql) => sql`select * from vault.decrypted_secrets`), denied);
    await assert.rejects(asRole(sql, "stranger", (sql) => sql`select * from vault.secrets`), denied);
    await assert.rejects(asRole(sql, "stranger", (sql) => sql`select vault.create_secret('mine')`), denied);
  });
});
