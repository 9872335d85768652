begin;
\ir ../helpers.sql
select plan(5);

select pg_temp.begin_run('a');
select throws_ok(
  format('select public.jobs_begin_run(%L, %L, %L)', pg_temp.id('a'), 'cleanup-stale-payment-intents', 'server'), '22023',
  format(
    'Cannot begin run %s of cleanup-stale-payment-intents as it is a run of another job: current value is expire-stale-orders',
    pg_temp.id('a')
  ),
  'a run of another job'
);
select throws_ok(
  format('select public.jobs_begin_run(%L, %L, %L)', pg_temp.id('b'), 'mow-the-lawn', 'server'), '23514', null, 'an unknown job'
);
select throws_ok(
  format('select public.jobs_begin_run(%L, %L, %L)', pg_temp.id('b'), 'expire-stale-orders', 'cron'), '23514', null, 'an unknown trigger'
);
select throws_ok(
  format('select public.jobs_begin_run(%L, %L, %L, p_limit => 0)', pg_temp.id('b'), 'expire-stale-orders', 'server'), '23514', null,
  'a limit of nothing'
);
select is((select count(*) from public.job_runs), 1::bigint, 'none of them left a row');

select * from finish();
rollback;
