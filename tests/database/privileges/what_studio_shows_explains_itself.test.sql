begin;
select plan(2);

select is_empty(
  $$ select c.oid::regclass from pg_catalog.pg_class c
     where c.relnamespace in ('public'::regnamespace, 'jobs'::regnamespace) and c.relkind in ('r', 'p', 'v', 'm')
       and obj_description(c.oid, 'pg_class') is null $$,
  'every table has a comment'
);
select is_empty(
  $$ select p.oid::regprocedure from pg_catalog.pg_proc p
     where p.pronamespace in ('public'::regnamespace, 'jobs'::regnamespace) and obj_description(p.oid, 'pg_proc') is null
       and not exists (select from pg_catalog.pg_depend d where d.objid = p.oid and d.deptype = 'e') $$,
  'every function has a comment'
);

select * from finish();
rollback;
