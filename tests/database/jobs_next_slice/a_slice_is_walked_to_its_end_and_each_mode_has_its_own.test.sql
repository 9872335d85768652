begin;
\ir ../helpers.sql
\ir ../cleanup.sql
select plan(6);

select pg_temp.begin_cleanup('run');
create function pg_temp.next(p_livemode boolean default false, p_now timestamptz default pg_temp.noon()) returns text
language sql
as $$
  select format('%s to %s, after %s', p_now - (s ->> 'createdFrom')::timestamptz, p_now - (s ->> 'createdTo')::timestamptz, s -> 'cursor')
  from public.job_runs r
  cross join lateral public.jobs_next_slice(p_run_id => r.id, p_fence => r.fence, p_livemode => p_livemode, p_now => p_now) s
  where r.id = pg_temp.id('run') and s is not null
$$;
create function pg_temp.walk(p_after text, p_cursor text, p_finished boolean) returns jsonb
language sql
as $$
  select pg_temp.settle_payments('run', '{}', jsonb_build_object(
    'sweepId', s.id, 'after', p_after, 'cursor', p_cursor, 'reached', s.created_from + interval '1 day', 'seen', 100, 'own', 40,
    'finished', p_finished
  ))
  from public.job_sweeps s where not s.livemode and s.finished_at is null
$$;

select is(pg_temp.next(), '30 days to 7 days, after null', 'the first slice');
select pg_temp.walk(null, 'pi_100', false);
select is(pg_temp.next(), '30 days to 7 days, after "pi_100"', 'goes on after its last settled page');
select is(pg_temp.next(true), '30 days to 7 days, after null', 'whatever was swept in test mode, live mode begins by itself');
select pg_temp.walk('pi_100', 'pi_200', true);
select is(pg_temp.next(), null, 'once it is walked there is none');
select is(pg_temp.next(true), '30 days to 7 days, after null', 'while that of live mode is still under way');
select is(
  (select format('%s pages, %s seen, %s own, %s', pages, payments_seen, own_payments_seen, reached = created_from)
   from public.job_sweeps where not livemode),
  '2 pages, 200 seen, 80 own, t', 'its counts are those of all its pages'
);

select * from finish();
rollback;
