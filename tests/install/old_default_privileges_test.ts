import assert from "node:assert/strict";
import { withConnection } from "../../local/postgres/databases.ts";
import type { Postgres } from "../../local/postgres/start.ts";
import { installLapse, platformDatabase, startPlainServer } from "./plain-databases.ts";

let server: Postgres;
Deno.test.beforeAll(async () => void (server = await startPlainServer()));
Deno.test.afterAll(() => server.stop("immediate"));

/** What projects from before 2026-10-30 grant to the API roles by default, for every new object in `public`. */
const OLD_DEFAULTS = `
  alter default privileges for role postgres in schema public
    grant all on tables to anon, authenticated, service_role;
  alter default privileges for role postgres in schema public
    grant all on sequences to anon, authenticated, service_role;
  alter default privileges for role postgres in schema public
    grant all on functions to anon, authenticated, service_role;`;

type Grants = { role: string; object: string; privilege: string };

Deno.test("a project with the old default privileges installs without an error and without excess privileges", async () => {
  const old = await platformDatabase(server, "old_defaults", (sql) => sql.unsafe(OLD_DEFAULTS));
  const current = await platformDatabase(server, "new_defaults");
  await installLapse(old);
  await installLapse(current);
  const grants = await grantsIn(old.adminUrl);
  assert.deepEqual(grants, await grantsIn(current.adminUrl));

  assert.deepEqual(grants.filter(({ role }) => role === "anon" || role === "public"), [], "strangers");
  assert.deepEqual(
    grants.filter(({ role, privilege }) => role === "authenticated" && privilege !== "SELECT"),
    [],
    "signed-in customers",
  );
  assert.deepEqual(
    grants.filter(({ role, object, privilege }) =>
      role === "service_role" && privilege !== "SELECT" && !(privilege === "EXECUTE" && object.startsWith("lapse_"))
    ),
    [],
    "the secret key",
  );
});

Deno.test("lapse.secure() revokes what a restore with the old default privileges granted", async () => {
  const database = await platformDatabase(server, "restored");
  await installLapse(database);
  const before = await grantsIn(database.adminUrl);
  await withConnection(database.adminUrl, (sql) =>
    sql.unsafe(`
      grant usage on schema lapse to anon;
      grant all on all tables in schema lapse to anon, authenticated;
      grant all on all sequences in schema lapse to anon;
      grant execute on all functions in schema lapse to anon, authenticated;
      grant execute on all functions in schema public to anon;
      grant all on all tables in schema public to anon, authenticated;`));
  await withConnection(database.url, (sql) => sql`select lapse.secure()`);
  assert.deepEqual(await grantsIn(database.adminUrl), before);
});

/** Every privilege of the API roles and of PUBLIC on Lapse's objects, as PostgreSQL itself answers. */
async function grantsIn(url: string): Promise<Grants[]> {
  return await withConnection(url, async (sql) => [
    ...await sql<Grants[]>`
      with role as (select unnest(array['anon', 'authenticated', 'service_role', 'public']) as role),
      relation as (
        select c.oid, c.oid::regclass::text as object, c.relkind
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where c.relkind in ('r', 'v', 'S') and (n.nspname in ('lapse', 'lapse_shop') or n.nspname = 'public' and c.relname like 'lapse\_%')
      )
      select r.role, o.object, p.privilege
      from role r
      cross join relation o
      cross join unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER', 'REFERENCES', 'USAGE']) p (privilege)
      where case
        when o.relkind = 'S' then p.privilege in ('SELECT', 'UPDATE', 'USAGE') and has_sequence_privilege(r.role, o.oid, p.privilege)
        else p.privilege <> 'USAGE' and has_table_privilege(r.role, o.oid, p.privilege)
      end
      union all
      select r.role, p.oid::regprocedure::text, 'EXECUTE'
      from role r
      cross join pg_proc p
      join pg_namespace n on n.oid = p.pronamespace
      where (n.nspname in ('lapse', 'lapse_shop') or n.nspname = 'public' and p.proname like 'lapse\_%')
        and has_function_privilege(r.role, p.oid, 'EXECUTE')
      union all
      select r.role, n.nspname, 'USAGE OF SCHEMA'
      from role r
      cross join pg_namespace n
      where n.nspname in ('lapse', 'lapse_shop') and has_schema_privilege(r.role, n.oid, 'USAGE')
      order by 1, 2, 3`,
  ]);
}
