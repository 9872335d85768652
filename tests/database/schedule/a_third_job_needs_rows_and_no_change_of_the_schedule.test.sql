begin;
\ir ../helpers.sql
select plan(13);

select throws_ok(
  $$ insert into lapse.schedules (job, cron) values ('report-drift', '* * * * *') $$, '22023',
  'Cannot schedule report-drift: lapse.jobs has no such job', 'a job that Lapse does not know has no schedule'
);
insert into lapse.jobs (job) values ('report-drift');
insert into lapse.metrics (job) values ('report-drift');
insert into lapse.schedules (job, cron, active, time_zone, local_time, catch_up, retry_after)
values ('report-drift', '*/5 * * * *', false, 'Europe/Paris', '03:00', interval '12 hours', interval '1 hour');

select is((select s.active from lapse.enable_schedules() s where s.job = 'report-drift'), true, 'it is turned on with the others');
select is((select s.active from lapse.pause_schedules() s where s.job = 'report-drift'), false, 'and off');
update lapse.schedules set enabled_at = null where job in (select j.job from lapse.jobs j);
select is(
  lapse.hold_first_runs(), '{expire-stale-orders,cleanup-stale-payment-intents}',
  'only jobs that close or cancel something begin with the brake on'
);
select is((select j.due from lapse.job_due('report-drift', pg_temp.noon(), 100) j), 1, 'a job without a queue always works');
select is(lapse.first_due('report-drift', null, pg_temp.noon(), 100), 0, 'and its work is no matter of the brake');

create function pg_temp.last_slot(p_at text) returns timestamptz
language sql
as $$ select lapse.last_slot(s, p_at::timestamptz) from lapse.schedules s where s.job = 'report-drift' $$;
select is(pg_temp.last_slot('2026-11-23 02:00+00'), '2026-11-23 02:00+00', 'without a day it has a slot on every day');
select is(pg_temp.last_slot('2026-11-23 01:59+00'), '2026-11-22 02:00+00', 'the one of the day before until its time comes');
select is(pg_temp.last_slot('2026-03-29 12:00+00'), '2026-03-29 01:00+00', 'also on the day on which the clocks go forward');
select is(
  (select lapse.next_slot(s, '2026-11-23 02:00+00') from lapse.schedules s where s.job = 'report-drift'),
  '2026-11-24 02:00+00', 'the next one is tomorrow'
);
select is(
  (select count(distinct pg_temp.last_slot(m::text))
   from generate_series(timestamptz '2026-01-01 12:00+00', '2026-12-31 12:00+00', interval '1 day') m),
  365::bigint, 'a year has one for each day'
);

update lapse.schedules set active = true, enabled_at = '2026-01-01 00:00+00', changed_at = '2026-01-01 00:00+00'
where job = 'report-drift';
select is(
  (select l.late from lapse.run_lateness('2026-11-23 12:00+00') l where l.job = 'report-drift'), true,
  'the watch misses its run'
);
select throws_ok(
  $$ update lapse.schedules set time_zone = null where job = 'report-drift' $$, '23514', null,
  'a slot is complete or there is none'
);

select * from finish();
rollback;
