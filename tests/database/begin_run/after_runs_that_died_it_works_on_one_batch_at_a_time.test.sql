begin;
\ir ../helpers.sql
select plan(14);

-- One run a minute, the last one at noon; then the deaths in a row, how many minutes before noon the first of them started, and how many
-- batches the next run is told to work on. `leaving`: an order that the run before it may have held was still due.
create function pg_temp.after(variadic p_runs text[]) returns jsonb
language plpgsql
as $$
begin
  delete from lapse.runs;
  insert into lapse.runs (id, job, trigger, status, dry_run, ref, created_at, started_at, finished_at, oldest_due_at)
  select gen_random_uuid(), 'expire-stale-orders', 'schedule', split_part(r.run, ' ', 1), r.run like '% dry',
    case when r.run like '% one order' then gen_random_uuid() end, r.at, case when r.run not like '% never started' then r.at end,
    r.at + interval '30 seconds',
    case when r.run like '% leaving' then r.at - interval '30 seconds' when r.run like '% behind' then r.at - interval '29 seconds' end
  from (
    select run, pg_temp.noon() - make_interval(mins => (cardinality(p_runs) - n)::integer) as at
    from unnest(p_runs) with ordinality x (run, n)
  ) r;
  return (
    select jsonb_build_array(
      d.deaths, (extract(epoch from pg_temp.noon() - d.since) / 60)::integer, lapse.batches_at_once(p_job => 'expire-stale-orders')
    )
    from lapse.deaths_in_a_row(p_job => 'expire-stale-orders') d
  );
end;
$$;

select is(pg_temp.after('succeeded'), '[0, null, 2]', 'two batches at once');
select is(pg_temp.after('succeeded', 'lost'), '[1, 0, 1]', 'after a death one batch at a time');
select is(pg_temp.after('succeeded', 'lost', 'lost', 'lost'), '[3, 2, 1]', 'deaths in a row are counted from the first one');
select is(pg_temp.after(variadic array_fill('lost'::text, '{120}')), '[100, 99, 1]', 'up to a hundred');
select is(pg_temp.after('lost', 'lost', 'partial'), '[0, null, 2]', 'a run that came to its end and left nothing due ends the row');
select is(pg_temp.after('lost', 'lost', 'partial behind'), '[0, null, 2]', 'so does one that left what fell due after the last death');
select is(pg_temp.after('lost', 'lost', 'partial leaving'), '[2, 2, 1]', 'one that left what a dead run may have held does not');
select is(pg_temp.after('lost', 'partial leaving', 'lost'), '[2, 2, 1]', 'and the next death is of the same row');
select is(pg_temp.after('lost', 'partial', 'lost'), '[1, 0, 1]', 'which after an ended row begins anew');
select is(pg_temp.after('lost', 'failed', 'braked', 'skipped', 'lost'), '[2, 4, 1]', 'runs that did not work say nothing');
select is(
  pg_temp.after(variadic 'lost'::text || array_fill('skipped'::text, '{150}')), '[1, 150, 1]', 'however many there were'
);
select is(pg_temp.after('lost', 'succeeded dry', 'succeeded one order'), '[1, 2, 1]', 'nor do dry runs and runs of one order');
select is(pg_temp.after('succeeded', 'lost never started'), '[0, null, 2]', 'nor does a request that never arrived');

select pg_temp.after('lost', 'lost');
select is(
  lapse.begin_run(pg_temp.id('next'), 'expire-stale-orders', 'server', p_now => pg_temp.noon() + interval '1 minute')
    -> 'settings' -> 'batchesAtOnce',
  '1', 'the next run learns it'
);

select * from finish();
rollback;
