import assert from "node:assert/strict";
import { applyPlatform } from "../../local/platform/apply.ts";
import { type Databases, startDatabases } from "../../local/platform/databases.ts";
import { migrate } from "../../local/platform/migrate.ts";
import { nextShop, prepareDatabase } from "../../local/platform/prepare.ts";
import { preparedData } from "../../local/platform/prepared-data.ts";
import { createDatabase, describeDatabase, dropDatabase, withConnection } from "../../local/postgres/databases.ts";
import { supabase } from "../support/supabase-cli.ts";
import { startPostgres } from "../../local/postgres/start.ts";

let databases: Databases;
Deno.test.beforeAll(async () => {
  databases = await startDatabases();
});
Deno.test.afterAll(() => databases?.stop());

Deno.test("each fresh database is migrated and not shared", async () => {
  await using one = await databases.fresh();
  await using other = await databases.fresh();
  await withConnection(one.url, (sql) => sql`create table public.only_here (id int)`);
  const [row] = await withConnection(other.url, (sql) =>
    sql`
      select to_regclass('lapse.orders') is not null as migrated, to_regclass('public.only_here') is not null as shared`);
  assert.deepEqual({ ...row }, { migrated: true, shared: false });
});

Deno.test("migrations run as postgres, which is no superuser", async () => {
  await using database = await databases.fresh();
  const [row] = await withConnection(database.url, (sql) =>
    sql`
      select current_user, rolsuper, (select tableowner from pg_tables where schemaname = 'lapse' and tablename = 'orders') as owner
      from pg_roles where rolname = current_user`);
  assert.deepEqual({ ...row }, { current_user: "postgres", rolsuper: false, owner: "postgres" });
});

Deno.test("the shop, then Lapse, then the adapter are installed, and the schedules run", async () => {
  await using database = await databases.fresh();
  assert.deepEqual(await whatIsThere(database.url), { adapter: true, active: 4, "public.inventory": true });
});

Deno.test("Lapse installs into an empty project too, without an adapter and with both jobs paused", async () => {
  await using plain = await startDatabases({ shop: null });
  await using database = await plain.fresh();
  assert.deepEqual(await whatIsThere(database.url), { adapter: false, active: 2, "public.inventory": false });
});

Deno.test("supabase start installs the sample shop from its seed", async () => {
  await using plain = await startDatabases({ shop: null });
  await using database = await plain.fresh();
  const push = ["db", "push", "--yes", "--skip-vault", "--include-seed"];
  const { code, output } = await supabase(push, { database: database.url });
  assert.equal(code, 0, output);
  assert.deepEqual(await whatIsThere(database.url), { adapter: true, active: 4, "public.inventory": true });
});

Deno.test("another shop can replace the sample shop, optionally with its schedules off", async () => {
  await using other = await startDatabases({ shop: nextShop, schedules: false });
  await using database = await other.fresh();
  assert.deepEqual(await whatIsThere(database.url), { adapter: true, active: 2, "public.inventory": false });
});

Deno.test("prepared data is cached for the next server with the same sources only", async () => {
  assert.equal(await preparedData({}), await preparedData({}));
  assert.notEqual(await preparedData({ shop: null }), await preparedData({}));
});

Deno.test("a migration of a shop may refer to auth.users", async () => {
  await using database = await databases.fresh();
  await withConnection(database.url, (sql) => sql`create table public.carts (owner uuid references auth.users)`);
});

Deno.test("a new table is closed to the API roles, a new function is open to anon even after a revoke from public", async () => {
  await using database = await databases.fresh();
  const [row] = await withConnection(database.url, async (sql) => {
    await sql`
      create table public.new_table (id int);
      create function public.new_function() returns int language sql as 'select 1';
      revoke execute on function public.new_function() from public`.simple();
    return await sql`
      select has_table_privilege('service_role', 'public.new_table', 'select') as table_for_service_role,
        has_table_privilege('anon', 'public.new_table', 'select') as table_for_anon,
        has_function_privilege('anon', 'public.new_function()', 'execute') as function_for_anon,
        has_function_privilege('service_role', 'public.new_function()', 'execute') as function_for_service_role`;
  });
  assert.deepEqual({ ...row }, {
    table_for_service_role: false,
    table_for_anon: false,
    function_for_anon: true,
    function_for_service_role: false,
  });
});

Deno.test("auth.uid() and auth.jwt() read the claims of the request", async () => {
  await using database = await databases.fresh();
  const claims = { sub: "8f0e7a7e-0000-4000-8000-000000000001", app_metadata: { lapse_role: "viewer" } };
  const [row] = await withConnection(database.url, (sql) =>
    sql.begin(async (transaction) => {
      await transaction`select set_config('request.jwt.claims', ${JSON.stringify(claims)}, true)`;
      await transaction`set local role authenticated`;
      return await transaction`select auth.uid() as uid, auth.jwt() -> 'app_metadata' ->> 'lapse_role' as role`;
    }));
  assert.deepEqual({ ...row }, { uid: claims.sub, role: "viewer" });
});

Deno.test("the platform can be applied again without changing a privilege", async () => {
  await using database = await databases.fresh();
  const privileges = () =>
    withConnection(database.adminUrl, async (sql) => [
      ...await sql`select defaclrole::regrole::text, defaclobjtype, defaclacl::text from pg_default_acl order by 1, 2, 3`,
      ...await sql`select nspname, nspacl::text from pg_namespace where nspname !~ '^pg_temp' order by 1`,
    ]);
  const before = await privileges();
  await applyPlatform(database.adminUrl);
  assert.deepEqual(await privileges(), before);
});

Deno.test("a server without extension files gets the stand-ins as plain SQL and the same migrations", async () => {
  await using server = await startPostgres({ installExtensions: () => Promise.resolve() });
  await applyPlatform(server.url, { ownerPassword: new URL(server.url).password });
  const database = await createDatabase(server.url);
  await prepareDatabase(database);
  const [row] = await withConnection(database.url, (sql) =>
    sql`
      select to_regclass('public.orders') is not null as migrated, to_regprocedure('cron.schedule(text,text,text)') is not null as cron,
        (select count(*)::int from pg_extension where extname = 'pg_cron') as extensions`);
  assert.deepEqual({ ...row }, { migrated: true, cron: true, extensions: 0 });
  await dropDatabase(database);
});

Deno.test("a migration that cannot be applied fails with the CLI's words, which do not hold the password", async () => {
  const { adminUrl } = describeDatabase(databases.server.url, "no_such_database");
  const error: Error = await migrate(adminUrl).then(() => assert.fail("it migrated"), (error) => error);
  assert.match(error.message, /no_such_database/);
  assert.ok(!error.message.includes(new URL(adminUrl).password));
});

async function whatIsThere(url: string) {
  const [row] = await withConnection(url, (sql) =>
    sql`
      select to_regprocedure('lapse_shop.contract_version()') is not null as adapter,
        (select count(*)::int from cron.job where jobname like 'lapse-%' and active) as active,
        to_regclass('public.inventory') is not null as "public.inventory"`);
  return { ...row };
}
