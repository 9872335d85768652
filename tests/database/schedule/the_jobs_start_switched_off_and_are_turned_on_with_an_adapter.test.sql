begin;
select plan(8);

create temp view ticking as
  select replace(j.jobname::text, 'lapse-', '') collate "default" as job, j.command collate "default" as command
  from cron.job j where j.active;

select lapse.pause_schedules();
select results_eq(
  'select job, command from ticking order by 1',
  $$ values ('retention', 'call lapse.retain()'), ('watch', 'call lapse.watch()') $$,
  'paused, the watch and the retention tick all the same'
);
select bag_eq(
  'select job, active from lapse.enable_schedules()',
  $$ values ('expire-stale-orders', true), ('cleanup-stale-payment-intents', true), ('watch', true), ('retention', true) $$,
  'enabled, all four'
);
select results_eq(
  $$ select job, command from ticking where job like '%stale%' order by 1 $$,
  $$ values
    ('cleanup-stale-payment-intents', 'select lapse.dispatch_due_slot(''cleanup-stale-payment-intents'')'),
    ('expire-stale-orders', 'select lapse.dispatch(''expire-stale-orders'')') $$,
  'each with its command'
);
create temp table before as select job, enabled_at from lapse.schedules;
select lapse.pause_schedules(), lapse.enable_schedules();
select results_eq(
  'select job, enabled_at from lapse.schedules order by 1', 'select job, enabled_at from before order by 1',
  'a pause is no new beginning'
);
update lapse.schedules set local_time = '04:00', changed_at = changed_at - interval '1 day', enabled_at = now() - interval '9 days'
where job = 'cleanup-stale-payment-intents';
update lapse.schedules set local_time = '05:00' where job = 'cleanup-stale-payment-intents';
select is(
  (select enabled_at from lapse.schedules where job = 'cleanup-stale-payment-intents'), now(), 'another slot is one'
);

select lapse.pause_schedules();
drop function lapse_shop.finish_orders(text[], text[]);
select throws_like('select lapse.enable_schedules()', 'Cannot enable the schedules: The shop has no adapter%', 'without an adapter they stay off');
select is((select count(*) from ticking), 2::bigint, 'all of them');
grant usage on schema lapse_shop to anon;
create or replace function lapse_shop.finish_orders(p_expired text[], p_paid text[]) returns void language sql as '';
select lapse.enable_schedules();
select is(has_schema_privilege('anon', 'lapse_shop', 'usage'), false, 'what the adapter''s migration left open is closed');

select * from finish();
rollback;
