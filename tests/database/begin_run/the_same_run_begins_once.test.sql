begin;
\ir ../helpers.sql
select plan(8);

create function pg_temp.begin(p_name text) returns jsonb
language sql
as $$
  select lapse.begin_run(
    p_run_id => pg_temp.id(p_name), p_job => 'expire-stale-orders', p_trigger => 'operator', p_requested_by => 'ops', p_limit => 5,
    p_now => pg_temp.noon()
  )
$$;

create temp table first as select pg_temp.begin('a') as answer;
select is((select answer ->> 'answer' from first), 'running', 'the first call may go on');
select row_eq(
  $$ select status, trigger, requested_by, item_limit, dry_run, fence, started_at, heartbeat_at from lapse.runs $$,
  row('running'::text, 'operator'::text, 'ops'::text, 5, false, 1::bigint, pg_temp.noon(), pg_temp.noon()), 'and its row records the caller'
);
select is(
  (select answer -> 'settings' -> 'claimBatch' from first), (select to_jsonb(claim_batch) from lapse.settings), 'it receives its settings'
);
create temp table before as select pg_temp.everything() as hash;
select is(pg_temp.begin('a') ->> 'answer', 'duplicate', 'the second call with the same id has nothing to do');
select is(pg_temp.everything(), (select hash from before), 'and changed nothing');

select lapse.finish_run(pg_temp.id('a'), 'succeeded', p_now => pg_temp.noon());
select is(pg_temp.begin('a') ->> 'answer', 'duplicate', 'not even when the run has ended');

insert into lapse.runs (id, job, trigger, reason, brake_released_at) values
  (pg_temp.id('dispatched'), 'expire-stale-orders', 'continuation', 'sale', pg_temp.noon() - interval '1 hour');
select is(
  lapse.begin_run(pg_temp.id('dispatched'), 'expire-stale-orders', 'schedule', p_now => pg_temp.noon()) ->> 'answer', 'running',
  'the scheduler begins a run that dispatch queued'
);
select row_eq(
  $$ select trigger, reason, brake_released_at, item_limit from lapse.runs where id = pg_temp.id('dispatched') $$,
  row('continuation'::text, 'sale'::text, pg_temp.noon() - interval '1 hour', null::integer), 'with what dispatch wrote'
);

select * from finish();
rollback;
