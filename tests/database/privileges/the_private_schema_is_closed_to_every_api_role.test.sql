begin;
select plan(2);

select is_empty(
  $$ select role, schema, privilege
     from unnest(array['anon', 'authenticated', 'service_role', 'authenticator']) role, unnest(array['lapse', 'lapse_shop']) schema,
       unnest(array['usage', 'create']) privilege
     where has_schema_privilege(role, schema, privilege) $$,
  'no API role can look up a name in it, nor in the adapter''s'
);
select is_empty(
  $$ select role from unnest(array['anon', 'authenticated', 'service_role']) role where has_schema_privilege(role, 'public', 'create') $$,
  'and none of them can make a name in public that others would trip over'
);

select * from finish();
rollback;
