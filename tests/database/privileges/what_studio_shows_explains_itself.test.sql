begin;
select plan(2);

select is_empty(
  $$ select c.oid::regclass from pg_catalog.pg_class c
     where (c.relnamespace = 'public'::regnamespace and c.relname like 'lapse\_%' or c.relnamespace = 'lapse'::regnamespace)
       and c.relkind in ('r', 'p', 'v', 'm') and obj_description(c.oid, 'pg_class') is null $$,
  'every table and view has a comment'
);
select is_empty(
  $$ select p.oid::regprocedure from pg_catalog.pg_proc p
     where (p.pronamespace = 'public'::regnamespace and p.proname like 'lapse\_%' or p.pronamespace = 'lapse'::regnamespace)
       and obj_description(p.oid, 'pg_proc') is null $$,
  'every function has a comment'
);

select * from finish();
rollback;
