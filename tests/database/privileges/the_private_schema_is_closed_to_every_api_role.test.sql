begin;
select plan(3);

select is_empty(
  $$ select role, privilege from unnest(array['anon', 'authenticated', 'service_role', 'authenticator']) role, unnest(array['usage', 'create']) privilege
     where has_schema_privilege(role, 'jobs', privilege) $$,
  'no API role can look up a name in it'
);
select is_empty(
  $$ select c.relname, role
     from pg_catalog.pg_class c, unnest(array['anon', 'authenticated', 'service_role', 'authenticator']) role
     where c.relnamespace = 'jobs'::regnamespace and c.relkind in ('r', 'v', 'p', 'm')
       and (has_table_privilege(role, c.oid, 'select, insert, update, delete, truncate, references, trigger')
         or has_any_column_privilege(role, c.oid, 'select, insert, update, references')) $$,
  'none of its tables is open to any of them'
);
select is_empty(
  $$ select role from unnest(array['anon', 'authenticated', 'service_role']) role where has_schema_privilege(role, 'public', 'create') $$,
  'and none of them can make a name in public that others would trip over'
);

select * from finish();
rollback;
