begin;
\ir ../helpers.sql
select plan(4);

delete from jobs.settings;
select is(
  public.jobs_begin_run(
    p_run_id => pg_temp.id('a'), p_job => 'expire-stale-orders', p_trigger => 'server', p_now => pg_temp.noon()
  ) ->> 'answer',
  'failed', 'the run is told that it failed'
);
select row_eq(
  'select status, error, finished_at from public.job_runs',
  row('failed'::text, 'Cannot start run as jobs.settings has no row: current value is empty'::text, pg_temp.noon()), 'its row says why'
);
select results_eq(
  'select key, severity from public.job_alerts', $$ values ('run_failed:expire-stale-orders', 'critical') $$, 'an alert is open'
);
select is((select count(*) from jobs.leases where run_id is not null), 0::bigint, 'no lease is held');

select * from finish();
rollback;
