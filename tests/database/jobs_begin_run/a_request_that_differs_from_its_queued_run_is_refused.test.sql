begin;
\ir ../helpers.sql
select plan(1);

insert into public.job_runs (id, job, trigger, dry_run) values (pg_temp.id('queued'), 'expire-stale-orders', 'schedule', true);
select throws_ok(
  format($$ select public.jobs_begin_run(%L, 'expire-stale-orders', 'server', p_dry_run => false) $$, pg_temp.id('queued')), '22023',
  format('Cannot begin run %s as the request differs from the queued run in dryRun: current value is t', pg_temp.id('queued')),
  'a dry run does not become a real one'
);

select * from finish();
rollback;
