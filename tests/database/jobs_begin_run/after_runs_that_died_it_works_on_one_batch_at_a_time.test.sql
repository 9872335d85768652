begin;
\ir ../helpers.sql
select plan(9);

-- One run a minute, the last one at noon; then the settings that the next run is told.
create function pg_temp.after(variadic p_runs text[]) returns jsonb
language plpgsql
as $$
begin
  delete from public.job_runs;
  insert into public.job_runs (id, job, trigger, status, dry_run, order_id, created_at, started_at, finished_at)
  select gen_random_uuid(), 'expire-stale-orders', 'schedule', split_part(r.run, ' ', 1), r.run like '% dry',
    case when r.run like '% one order' then gen_random_uuid() end, r.at, case when r.run not like '% never started' then r.at end, r.at
  from (
    select run, pg_temp.noon() - make_interval(mins => (cardinality(p_runs) - n)::integer) as at
    from unnest(p_runs) with ordinality x (run, n)
  ) r;
  return (
    select jsonb_build_array(s -> 'claimBatch', s -> 'batchesAtOnce') from jobs.settings_json() s
  );
end;
$$;

select is(pg_temp.after('succeeded'), '[100, 2]', 'as many as the settings say, two batches at once');
select is(pg_temp.after('succeeded', 'lost'), '[25, 1]', 'after one death a quarter, one batch at a time');
select is(pg_temp.after('succeeded', 'lost', 'lost', 'lost'), '[1, 1]', 'after three deaths one order');
select is(pg_temp.after(variadic array_fill('lost'::text, '{20}')), '[1, 1]', 'and never none');
select is(pg_temp.after('lost', 'lost', 'partial'), '[100, 2]', 'a run that came to its end ends it');
select is(pg_temp.after('lost', 'failed', 'braked', 'skipped', 'lost'), '[6, 1]', 'runs that did not work say nothing');
select is(pg_temp.after('lost', 'succeeded dry', 'succeeded one order'), '[25, 1]', 'nor do dry runs and runs of one order');
select is(pg_temp.after('succeeded', 'lost never started'), '[100, 2]', 'nor does a request that never arrived');
select pg_temp.after('lost', 'lost');
select is(
  public.jobs_begin_run(pg_temp.id('next'), 'expire-stale-orders', 'server', p_now => pg_temp.noon() + interval '1 minute')
    -> 'settings' -> 'claimBatch',
  '6', 'the next run is told so'
);

select * from finish();
rollback;
