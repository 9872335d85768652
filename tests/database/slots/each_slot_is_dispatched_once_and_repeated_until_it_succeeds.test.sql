begin;
\ir ../helpers.sql
select plan(24);

-- Sundays at three o'clock in Paris.
select lapse.set_functions_url('https://project.test'), lapse.set_secret('lapse_scheduler_secret', repeat('s', 32));
update lapse.schedules set enabled_at = '2026-01-01 00:00:00+00' where job = 'cleanup-stale-payment-intents';
delete from lapse.runs;
create function pg_temp.tick(p_at text) returns boolean
language sql
as $$ select lapse.dispatch_due_slot('cleanup-stale-payment-intents', (p_at || '+00')::timestamptz) is not null $$;
create function pg_temp.ends(p_status text, p_at text, p_started boolean default true) returns void
language sql
as $$
  update lapse.runs
  set status = p_status, finished_at = (p_at || '+00')::timestamptz, started_at = case when p_started then created_at end
  where finished_at is null
$$;
create function pg_temp.by_hand(p_status text, p_at text) returns void
language sql
as $$
  insert into lapse.runs (job, trigger, status, created_at, started_at, finished_at)
  select 'cleanup-stale-payment-intents', 'server', p_status, t, t, case when p_status <> 'running' then t end
  from (values ((p_at || '+00')::timestamptz)) x (t)
$$;

select is(pg_temp.tick('2026-11-29 01:59:59'), false, 'a second before it nothing is due');
select is(pg_temp.tick('2026-11-29 02:00:00'), true, 'the first tick at it begins a run');
select is((select slot_at from lapse.schedule_slots), timestamptz '2026-11-29 02:00:00+00', 'three o''clock in winter is two in UTC');
select is(pg_temp.tick('2026-11-29 02:05:00'), false, 'no other one does');
select pg_temp.ends('succeeded', '2026-11-29 02:10:00');
select is(pg_temp.tick('2026-11-29 05:00:00'), false, 'nor later, when it has done its work');

select is(pg_temp.tick('2026-03-29 00:59:59'), false, 'on the day on which the clocks go forward');
select is(pg_temp.tick('2026-03-29 01:00:00'), true, 'three o''clock is one in UTC');
select pg_temp.ends('succeeded', '2026-03-29 01:10:00');

select is(pg_temp.tick('2026-12-08 02:00:01'), false, 'what two days of an outage cost is not made up for');
select is(pg_temp.tick('2026-12-08 02:00:00'), true, 'what a shorter one did is');
select pg_temp.ends('failed', '2026-12-08 02:06:00');
select is(pg_temp.tick('2026-12-08 02:30:00'), false, 'nothing is repeated after the catch-up');

-- A run that failed or died is repeated.
select pg_temp.tick('2026-12-13 02:00:00'), pg_temp.ends('failed', '2026-12-13 02:06:00');
select is(pg_temp.tick('2026-12-13 02:55:00'), false, 'a run that failed is not repeated at once');
select is(pg_temp.tick('2026-12-13 03:00:00'), true, 'but an hour after it was asked for');
select is((select attempts from lapse.schedule_slots order by slot_at desc limit 1), 2, 'which is another attempt at the same slot');
select pg_temp.ends('lost', '2026-12-13 03:10:00');
select pg_temp.by_hand('failed', '2026-12-13 03:50:00');
select is(pg_temp.tick('2026-12-13 04:00:00'), true, 'how an operator''s own run ends decides nothing about a slot');
select pg_temp.ends('failed', '2026-12-13 04:10:00'), pg_temp.by_hand('succeeded', '2026-12-13 04:20:00');
select is(pg_temp.tick('2026-12-13 06:00:00'), false, 'unless it has done the work');

-- A run that never began, or met another one, is repeated at once.
select pg_temp.tick('2026-12-20 02:00:00'), pg_temp.ends('lost', '2026-12-20 02:04:00', p_started => false);
select is(pg_temp.tick('2026-12-20 02:05:00'), true, 'a run that never began is repeated by the next tick');
select pg_temp.ends('skipped', '2026-12-20 02:05:01'), pg_temp.by_hand('running', '2026-12-20 02:01:00');
select is(pg_temp.tick('2026-12-20 02:10:00'), false, 'nothing begins beside another run');
select pg_temp.ends('succeeded', '2026-12-20 02:12:00');
select is(pg_temp.tick('2026-12-20 02:15:00'), true, 'and what met one is repeated when that has ended');
select pg_temp.ends('braked', '2026-12-20 02:16:00');
select is(pg_temp.tick('2026-12-20 05:00:00'), false, 'the brake waits for an operator');

-- Slots of before somebody turned the job on, or moved it, are nobody's.
update lapse.schedules set enabled_at = '2026-12-27 02:00:01+00' where job = 'cleanup-stale-payment-intents';
select is(pg_temp.tick('2026-12-27 02:05:00'), false, 'a slot of a second before is not made up for');
select is(pg_temp.tick('2027-01-03 02:00:00'), true, 'the next one is dispatched');
select pg_temp.ends('succeeded', '2027-01-03 02:10:00');
delete from vault.secrets where name = 'lapse_scheduler_secret';
select throws_ok($$ select pg_temp.tick('2027-01-10 02:00:00') $$, 'P0002', null, 'a tick that cannot ask fails');
select is((select max(slot_at) from lapse.schedule_slots), timestamptz '2027-01-03 02:00:00+00', 'and claims no slot');
select throws_ok(
  $$ select lapse.dispatch_due_slot('expire-stale-orders') $$, '22023', null, 'a job that ticks all the time has no slots'
);

select * from finish();
rollback;
