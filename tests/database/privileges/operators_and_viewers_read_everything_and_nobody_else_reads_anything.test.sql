begin;
\ir ../helpers.sql
select no_plan();

-- a row in every view
select pg_temp.place_due_order('a', '{pi_1,pi_2}');
select pg_temp.begin_run('run'), pg_temp.claim('run');
select pg_temp.settle('run', array[
  pg_temp.decide('a', 'paid', array[pg_temp.said('pi_1', 'found_paid'), pg_temp.said('pi_2', 'found_paid')], 'paid_twice')
]);
insert into lapse.refunds (stripe_id, ref, reason, next_attempt_at, created_at)
values ('pi_2', pg_temp.ref('a'), 'paid_twice', pg_temp.noon(), pg_temp.noon());
select lapse.raise_alert('paid_twice:x', null, 'critical', 'x', '{}', pg_temp.noon());

-- How many rows of a view somebody sees, or that it is closed to them.
create function pg_temp.seen(p_role text, p_claims jsonb, p_view regclass) returns text
language plpgsql
as $$
declare
  v_rows text;
begin
  perform set_config('request.jwt.claims', p_claims::text, true), set_config('role', p_role, true);
  execute format('select count(*) from %s', p_view) into v_rows;
  perform set_config('role', 'none', true);
  return v_rows;
exception when insufficient_privilege then
  return 'refused';
end;
$$;
create temp table who (name text, role text, app_metadata jsonb, user_metadata jsonb, sees text);
insert into who values
  ('anybody', 'anon', '{}', '{}', 'refused'),
  ('anybody who claims to be an operator', 'anon', '{"lapse_role": "operator"}', '{}', 'refused'),
  ('a signed-in user', 'authenticated', '{}', '{}', 'nothing'),
  ('a signed-in user without claims', 'authenticated', null, null, 'nothing'),
  ('a signed-in user with another role', 'authenticated', '{"lapse_role": "customer"}', '{}', 'nothing'),
  ('a signed-in user with several roles', 'authenticated', '{"lapse_role": ["operator"]}', '{}', 'nothing'),
  ('a signed-in user who named himself operator', 'authenticated', '{}', '{"lapse_role": "operator"}', 'nothing'),
  ('a viewer', 'authenticated', '{"lapse_role": "viewer"}', '{}', 'everything'),
  ('an operator', 'authenticated', '{"lapse_role": "operator"}', '{}', 'everything'),
  ('the secret key', 'service_role', null, null, 'everything');
create temp table views as
  select c.oid::regclass as name,
    (xpath('/row/n/text()', query_to_xml(format('select count(*) as n from %s', c.oid::regclass), true, true, '')))[1]::text as rows
  from pg_catalog.pg_class c
  where c.relnamespace = 'public'::regnamespace and c.relkind = 'v' and c.relname like 'lapse\_%';

select cmp_ok(rows::integer, '>', 0, format('%s has a row to hide', name)) from views;
select is(
  pg_temp.seen(w.role, jsonb_build_object('role', w.role, 'app_metadata', w.app_metadata, 'user_metadata', w.user_metadata), v.name),
  case w.sees when 'everything' then v.rows when 'nothing' then '0' else 'refused' end,
  format('%s: %s of %s', w.name, w.sees, v.name)
)
from who w, views v;

-- Below the views the policies say the same: without them the views alone would decide.
grant usage on schema lapse to authenticated;
select is(
  pg_temp.seen('authenticated', '{"role": "authenticated", "app_metadata": {}}', t.name), '0', format('a signed-in user: nothing of %s', t.name)
)
from unnest(array['lapse.metrics', 'lapse.metrics_daily', 'lapse.runs', 'lapse.decisions', 'lapse.alerts', 'lapse.orders', 'lapse.payments', 'lapse.refunds', 'lapse.jobs', 'lapse.schedules']::regclass[])
  t (name);

select * from finish();
rollback;
