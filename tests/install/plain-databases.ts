import type postgres from "postgres";
import { applyPlatform } from "../../local/platform/apply.ts";
import { provideExtensions } from "../../local/platform/extensions.ts";
import { migrate } from "../../local/platform/migrate.ts";
import { createDatabase, type Database, withConnection } from "../../local/postgres/databases.ts";
import { type Postgres, startPostgres } from "../../local/postgres/start.ts";

/** A server whose databases hold the platform and nothing else: no shop, no Lapse. */
export async function startPlainServer(): Promise<Postgres> {
  const server = await startPostgres();
  await applyPlatform(server.url, { ownerPassword: new URL(server.url).password });
  return server;
}

/** A database as a hosted project starts with; `prepare` runs as superuser before anything is installed. */
export async function platformDatabase(
  server: Postgres,
  name: string,
  prepare: (sql: postgres.Sql) => Promise<unknown> = () => Promise.resolve(),
): Promise<Database> {
  const database = await createDatabase(server.url, { name });
  await applyPlatform(database.adminUrl);
  await provideExtensions(database.adminUrl);
  await withConnection(database.adminUrl, prepare);
  return database;
}

/** Applies `migrations/` with the Supabase CLI as the role `postgres`, which is no superuser. */
export async function installLapse(database: Database): Promise<void> {
  await migrate(database.url);
}

/**
 * Everything in the catalogue that a migration can leave behind, with its definition, one line an object, outside the system's own
 * schemas. It stands in for pg_dump, which the npm packages do not bring for this server (tests/ci compares real dumps).
 */
export async function catalogueOf(database: Database): Promise<string[]> {
  const rows = await withConnection(database.adminUrl, (sql) =>
    sql<{ line: string }[]>`
      with own as (
        select n.oid, n.nspname from pg_namespace n
        where n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast', 'supabase_migrations') and n.nspname not like 'pg\_%'
      )
      select 'schema ' || nspname || ' ' || coalesce((select n.nspacl::text from pg_namespace n where n.oid = own.oid), '') as line from own
      union all
      select format('relation %s.%s %s %s %s', n.nspname, c.relname, c.relkind, c.relacl::text, c.relrowsecurity)
      from pg_class c join own n on n.oid = c.relnamespace
      union all
      select format('column %s.%s.%s %s %s %s %s', n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
        a.attnotnull, pg_get_expr(d.adbin, d.adrelid), a.attacl::text)
      from pg_attribute a join pg_class c on c.oid = a.attrelid join own n on n.oid = c.relnamespace
      left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
      where a.attnum > 0 and not a.attisdropped
      union all
      select format('function %s %s %s', p.oid::regprocedure, md5(pg_get_functiondef(p.oid)), p.proacl::text)
      from pg_proc p join own n on n.oid = p.pronamespace
      where p.prokind in ('f', 'p')
      union all
      select format('type %s.%s', n.nspname, t.typname) from pg_type t join own n on n.oid = t.typnamespace
      union all
      select format('trigger %s on %s: %s', t.tgname, t.tgrelid::regclass, pg_get_triggerdef(t.oid)) from pg_trigger t
      where not t.tgisinternal
      union all
      select format('constraint %s.%s on %s: %s', n.nspname, k.conname, k.conrelid::regclass, pg_get_constraintdef(k.oid))
      from pg_constraint k join own n on n.oid = k.connamespace
      union all
      select format('policy %s on %s.%s: %s', p.policyname, p.schemaname, p.tablename, to_jsonb(p)) from pg_policies p
      union all
      select format('relation %s.%s is %s', n.nspname, c.relname,
        case c.relkind when 'v' then pg_get_viewdef(c.oid) else pg_get_indexdef(c.oid) end)
      from pg_class c join own n on n.oid = c.relnamespace where c.relkind in ('v', 'i')
      union all
      select format('comment on %s: %s', pg_describe_object(d.classoid, d.objoid, d.objsubid), d.description)
      from pg_description d
      where d.objoid >= 16384 and pg_describe_object(d.classoid, d.objoid, d.objsubid) like '%lapse%'
      union all
      select format('extension %s', e.extname) from pg_extension e
      union all
      select format('event trigger %s', e.evtname) from pg_event_trigger e
      union all
      select format('default privileges of %s in %s for %s: %s', d.defaclrole::regrole, d.defaclnamespace::regnamespace, d.defaclobjtype, d.defaclacl)
      from pg_default_acl d
      union all
      select format('setting %s %s', s.setdatabase, s.setconfig) from pg_db_role_setting s where s.setdatabase = 0
      union all
      select format('cron job %s %s', j.jobname, j.command) from cron.job j
      union all
      select format('vault entry %s', s.name) from vault.secrets s
      order by 1`);
  return rows.map(({ line }) => line);
}
