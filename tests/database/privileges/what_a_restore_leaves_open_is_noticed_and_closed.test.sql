begin;
\ir ../helpers.sql
select plan(13);

select is_empty('select lapse.privilege_problems()', 'after the migrations everybody may do what the list says');

-- As a dump is restored in a project whose default privileges favour the API's roles.
grant usage on schema lapse to anon;
grant all on all tables in schema lapse to anon, authenticated;
grant all on all sequences in schema lapse to anon;
grant execute on all routines in schema lapse to public;
grant execute on function public.lapse_mark_paid, public.lapse_health to anon, public;
grant insert (ref) on lapse.orders to service_role;
revoke select on public.lapse_runs from authenticated;
revoke execute on function public.lapse_begin_run from service_role;
alter table lapse.settings disable row level security;
alter view public.lapse_orders set (security_invoker = false);
create policy "customers read" on lapse.orders for select to anon using (true);
alter default privileges in schema lapse grant all on tables to anon;

create temp table problems as select lapse.privilege_problems() as sentence;
select ok(exists (select from problems where sentence = 'anon may usage schema lapse'), 'the schema');
select ok(exists (select from problems where sentence = 'anon may truncate table lapse.settings'), 'a table');
select ok(exists (select from problems where sentence = 'anon may usage sequence lapse.inbox_id_seq'), 'a sequence');
select ok(exists (select from problems where sentence like 'everybody may execute routine public.lapse_mark_paid(%'), 'a function');
select ok(exists (select from problems where sentence = 'service_role may insert table lapse.orders'), 'a column');
select ok(exists (select from problems where sentence = 'authenticated may not select table public.lapse_runs'), 'a privilege that is gone');
select ok(exists (select from problems where sentence = 'row-level security is off for table lapse.settings'), 'row-level security');
select ok(exists (select from problems where sentence like 'policy "customers read" on table lapse.orders lets in others%'), 'a policy');
select ok(exists (select from problems where sentence = 'table public.lapse_orders reads with the rights of its owner'), 'a view');
select is(
  (select severity || ': ' || message from lapse.check_privileges(pg_temp.noon())),
  (select format('critical: %s privileges differ from what Lapse grants', count(*)) from problems),
  'the watch raises L023'
);

drop policy "customers read" on lapse.orders;
alter view public.lapse_orders set (security_invoker = true);
select lapse.secure();
select is_empty('select lapse.privilege_problems()', 'lapse.secure() puts the privileges right');
create table lapse.later (x integer);
select ok(not has_table_privilege('anon', 'lapse.later', 'select'), 'and those of tables to come');

select * from finish();
rollback;
