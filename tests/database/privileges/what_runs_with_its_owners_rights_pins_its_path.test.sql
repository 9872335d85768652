begin;
\ir ../helpers.sql
select plan(2);

create function public.lapse_odd() returns void
language sql
security definer
as '';
revoke all on function public.lapse_odd() from public, anon, authenticated, service_role;
select bag_eq(
  'select lapse.privilege_problems()',
  $$ values ('routine public.lapse_odd() runs with its owner''s rights and without a search path of its own') $$,
  'a function that somebody''s search_path could lead astray is named'
);
alter function public.lapse_odd() set search_path = pg_catalog, pg_temp;
select is_empty('select lapse.privilege_problems()', 'one that pins it is not');

select * from finish();
rollback;
