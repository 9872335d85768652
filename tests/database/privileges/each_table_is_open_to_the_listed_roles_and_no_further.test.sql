begin;
select plan(5);

-- Complete: a table or view without a row here fails the test, so that nobody exposes one without deciding for whom.
create temp table expected (name text, role text, privileges text);
insert into expected
select name, role, case role when 'anon' then '' else 'select' end
from unnest(array[
  'expiry_policies', 'inventory', 'job_alerts', 'job_decisions', 'job_metrics', 'job_metrics_daily', 'job_runs', 'job_sweeps',
  'order_payments', 'orders', 'stock_reservations'
]) name, unnest(array['anon', 'authenticated', 'service_role']) role;
update expected set privileges = 'delete, insert, select, update' where (name, role) = ('expiry_policies', 'service_role');
-- The shop stocks its shelves; `reserved` is out of its reach.
update expected set privileges = 'select, insert (on_hand), insert (sku), update (on_hand)' where (name, role) = ('inventory', 'service_role');

create temp view actual as
  select c.relname::text collate "default" as name, r.role, coalesce(held.privileges, '') collate "default" as privileges
  from pg_catalog.pg_class c
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
  where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f')
    and not exists (select from pg_catalog.pg_depend d where d.objid = c.oid and d.deptype = 'e');

select bag_eq(
  'select name, role, privileges from actual', 'select name, role, privileges from expected',
  'every table, role and privilege'
);
select is_empty(
  $$ select c.relname, role
     from pg_catalog.pg_class c, unnest(array['anon', 'authenticated', 'service_role']) role
     where c.relnamespace = 'public'::regnamespace and c.relkind = 'S' and has_sequence_privilege(role, c.oid, 'usage, select, update') $$,
  'no sequence is open to anybody'
);
select is_empty(
  $$ select relname from pg_catalog.pg_class where relnamespace in ('public'::regnamespace, 'jobs'::regnamespace) and relkind = 'r'
     and not relrowsecurity $$,
  'row-level security is on for every table, private ones included'
);
select is_empty(
  $$ select c.relname from pg_catalog.pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind = 'v'
     and not coalesce(c.reloptions @> '{security_invoker=true}', false) $$,
  'a view asks with the rights of who reads it'
);
select is_empty(
  $$ select tablename, policyname from pg_catalog.pg_policies
     where schemaname in ('public', 'jobs') and (roles <> '{authenticated}' or cmd <> 'SELECT' or permissive <> 'PERMISSIVE')
     union all
     select tablename, string_agg(policyname, ', ') from pg_catalog.pg_policies
     where schemaname in ('public', 'jobs') group by tablename, cmd having count(*) > 1 $$,
  'policies let signed-in users read, one for each table, and nothing else'
);

select * from finish();
rollback;
