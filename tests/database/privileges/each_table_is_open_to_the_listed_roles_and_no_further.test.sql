begin;
select plan(5);

-- Complete: a view without a row here fails the test, so that nobody exposes one without deciding for whom. A view reads its table with the
-- rights of whoever reads it, so the table below has the same privileges; nobody can look up its name, though.
create temp table expected (name text, role text, privileges text);
insert into expected
select s.prefix || name, role, case role when 'anon' then '' else 'select' end
from unnest(array['metrics', 'metrics_daily', 'runs', 'decisions', 'alerts', 'orders', 'payments', 'refunds', 'jobs', 'schedules']) name,
  unnest(array['public.lapse_', 'lapse.']) s (prefix),
  unnest(array['anon', 'authenticated', 'service_role']) role;

create temp view actual as
  select n.nspname || '.' || c.relname as name, r.role, coalesce(held.privileges, '') collate "default" as privileges
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  cross join unnest(array['anon', 'authenticated', 'service_role']) as r (role)
  cross join lateral (
    select string_agg(x.privilege, ', ' order by x.of_column, x.privilege) as privileges
    from (
      select p as privilege, false as of_column
      from unnest(array['select', 'insert', 'update', 'delete', 'truncate', 'references', 'trigger']) p
      where has_table_privilege(r.role, c.oid, p)
      union all
      select format('%s (%s)', p, a.attname), true
      from unnest(array['select', 'insert', 'update', 'references']) p
      join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      where has_column_privilege(r.role, c.oid, a.attnum, p) and not has_table_privilege(r.role, c.oid, p)
    ) x
  ) held
  where c.relkind in ('r', 'p', 'v', 'm', 'f')
    and (n.nspname = 'lapse' or n.nspname = 'public' and c.relname like 'lapse\_%');

select bag_eq(
  $$ select name::text collate "default", role::text collate "default", privileges from actual where name like 'public.%' or privileges <> '' $$,
  $$ select name::text collate "default", role::text collate "default", privileges from expected where name like 'public.%' or privileges <> '' $$,
  'every table, view, role and privilege'
);
select is_empty(
  $$ select c.relname, role
     from pg_catalog.pg_class c, unnest(array['anon', 'authenticated', 'service_role']) role
     where c.relnamespace = 'lapse'::regnamespace and c.relkind = 'S' and has_sequence_privilege(role, c.oid, 'usage, select, update') $$,
  'no sequence is open to anybody'
);
select is_empty(
  $$ select relname from pg_catalog.pg_class where relnamespace = 'lapse'::regnamespace and relkind in ('r', 'p') and not relrowsecurity $$,
  'row-level security is on for every table, private ones included'
);
select is_empty(
  $$ select c.relname from pg_catalog.pg_class c
     where c.relnamespace = 'public'::regnamespace and c.relkind = 'v' and c.relname like 'lapse\_%'
       and not coalesce(c.reloptions @> '{security_invoker=true}', false) $$,
  'a view asks with the rights of whoever reads it'
);
select is_empty(
  $$ select tablename, policyname from pg_catalog.pg_policies
     where schemaname = 'lapse' and (roles <> '{authenticated}' or cmd <> 'SELECT' or permissive <> 'PERMISSIVE')
     union all
     select tablename, string_agg(policyname, ', ') from pg_catalog.pg_policies
     where schemaname = 'lapse' group by tablename, cmd having count(*) > 1 $$,
  'policies let signed-in users read, one for each table, and nothing else'
);

select * from finish();
rollback;
