begin;
\ir ../helpers.sql
select plan(4);

delete from lapse.settings;
select is(
  lapse.begin_run(
    p_run_id => pg_temp.id('a'), p_job => 'expire-stale-orders', p_trigger => 'server', p_now => pg_temp.noon()
  ) ->> 'answer',
  'failed', 'the answer says that the run failed'
);
select row_eq(
  'select status, error, finished_at from lapse.runs',
  row('failed'::text, 'Cannot begin run: lapse.settings has no row'::text, pg_temp.noon()), 'its row says why'
);
select results_eq(
  'select key from lapse.alerts', $$ values ('run_failed:expire-stale-orders') $$, 'an alert is open'
);
select is((select count(*) from lapse.jobs where run_id is not null), 0::bigint, 'no lease is held');

select * from finish();
rollback;
