begin;
\ir ../helpers.sql
select plan(8);

select pg_temp.place_due_order('left over', '{pi_1}', p_due_for => '1 hour');
select pg_temp.begin_run('a');
create function pg_temp.finish_it(p_after interval) returns jsonb
language sql
as $$
  select lapse.finish_run(
    pg_temp.id('a'), 'succeeded', p_stripe_calls => 12, p_stripe_throttled => 3, p_now => pg_temp.noon() + p_after
  )
$$;

create temp table first as select pg_temp.finish_it('4.2 seconds') as run;
select row_eq(
  'select status, finished_at, duration_ms, stripe_calls, stripe_throttled, backlog, oldest_due_at from lapse.runs',
  row('succeeded'::text, pg_temp.noon() + interval '4.2 seconds', 4200, 12, 3, 1, pg_temp.noon() - interval '1 hour'),
  'the run has its final state and what is left to do'
);
select is((select run from first), (select to_jsonb(r) from lapse.runs r), 'the answer is the run''s row');
select row_eq(
  $$ select runs_total, runs_failed_total, job_execution_time, last_execution_time, last_success_time, backlog
     from lapse.metrics where job = 'expire-stale-orders' $$,
  row(1::bigint, 0::bigint, 4200::bigint, pg_temp.noon() + interval '4.2 seconds', pg_temp.noon() + interval '4.2 seconds', 1),
  'the job''s metrics know it'
);
select row_eq(
  $$ select run_id, fence from lapse.jobs where job = 'expire-stale-orders' $$, row(null::uuid, 1::bigint), 'the lease is free'
);

create temp table before as select pg_temp.everything() as hash;
select is(pg_temp.finish_it('1 hour'), (select run from first), 'finishing it again answers the same');
select is(pg_temp.everything(), (select hash from before), 'and changes nothing');

select throws_ok(format('select lapse.finish_run(%L, %L)', pg_temp.id('unknown'), 'failed'), 'PT404', null, 'an unknown run');
select pg_temp.begin_run('b');
select throws_ok(format('select lapse.finish_run(%L, %L)', pg_temp.id('b'), 'running'), null, null, 'running is not an end');

select * from finish();
rollback;
