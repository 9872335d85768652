begin;
\ir ../helpers.sql
select plan(6);

select throws_ok(
  format('select lapse.finish_run(%L, %L)', pg_temp.id('run'), status), '22023', null, coalesce(status, 'null') || ' is no end'
)
from unnest('{queued,running,lost}'::text[] || null::text) status;

-- A run that never got to work, because its request broke, is finished beside one that works.
select pg_temp.begin_run('run');
insert into lapse.runs (id, job, trigger) values (pg_temp.id('other'), 'expire-stale-orders', 'schedule');
select lapse.finish_run(pg_temp.id('other'), 'failed', 'broke', p_now => pg_temp.noon());
select is(
  (select run_id from lapse.jobs where job = 'expire-stale-orders'), pg_temp.id('run'), 'the lease stays with the run that works'
);
select results_eq(
  $$ select last_execution_time, last_success_time from lapse.metrics where job = 'expire-stale-orders' $$,
  $$ values (pg_temp.noon(), null::timestamptz) $$, 'and a failure is no success'
);

select * from finish();
rollback;
