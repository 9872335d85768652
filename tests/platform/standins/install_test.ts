import assert from "node:assert/strict";
import { join } from "node:path";
import postgres from "postgres";
import { applyAsPlainSql, findStandIns, installExtensionFiles } from "../../../local/extensions/install.ts";
import { startPostgres } from "../../../local/postgres/start.ts";

const names = ["pg_cron", "pg_net", "supabase_vault"];

Deno.test("the stand-ins can be applied as plain SQL, once, and can be told from the originals", async () => {
  await using server = await startPostgres({ installExtensions: () => Promise.resolve() });
  const sql = postgres(server.url, { max: 1, onnotice: () => {} });
  try {
    await assert.rejects(sql`create extension pg_net`, { code: "0A000" });
    assert.deepEqual(await findStandIns(sql), []);
    await applyAsPlainSql(sql, ["pg_cron"]);
    await sql`select cron.schedule('kept', '* * * * *', 'select 1')`;
    await applyAsPlainSql(sql, names);
    assert.deepEqual(await findStandIns(sql), names);
    assert.equal((await sql`select from cron.job`).length, 1);
    await assert.rejects(applyAsPlainSql(sql, ["pgsodium"]), /Cannot apply pgsodium as plain SQL/);
  } finally {
    await sql.end({ timeout: 1 });
  }
});

Deno.test("an extension the server already has is not overwritten", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(join(folder, "pg_cron.control"), "comment = 'Job scheduler for PostgreSQL'\n");
    assert.deepEqual(await installExtensionFiles(folder), ["pg_net", "supabase_vault"]);
    assert.equal(
      await Deno.readTextFile(join(folder, "pg_cron.control")),
      "comment = 'Job scheduler for PostgreSQL'\n",
    );
    await Deno.remove(join(folder, "pg_cron.control"));
    assert.deepEqual(await installExtensionFiles(folder), names);
    assert.deepEqual(await installExtensionFiles(folder), names);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
