begin;
\ir ../helpers.sql
select plan(13);

update jobs.settings set stripe_endpoint_rate = 20, stripe_account_limit_live = 100, stripe_account_limit_test = 25;

-- Reserved blocks, on one axis of time: milliseconds after noon.
create temp table blocks (name text, count integer, starts numeric, step numeric, ends numeric, per_second integer);
create function pg_temp.reserve(
  p_name text, p_endpoint text, p_count integer, p_after interval default '0', p_livemode boolean default true
) returns void
language sql
as $$
  insert into blocks
  select p_name, (r ->> 'count')::integer, x.starts, x.step, x.starts + (r ->> 'count')::integer * x.step, (r ->> 'perSecond')::integer
  from public.jobs_reserve_calls(p_livemode, p_endpoint, p_count, pg_temp.noon() + p_after) r
  cross join lateral (
    select extract(epoch from p_after) * 1000 + (r ->> 'startsInMs')::numeric as starts, (r ->> 'intervalMs')::numeric as step
  ) x
$$;
select pg_temp.reserve('first', 'retrieve', 10);
select pg_temp.reserve('second', 'retrieve', 64);
select pg_temp.reserve('third', 'retrieve', 1, '1 second');
select pg_temp.reserve('other endpoint', 'cancel', 10);
select pg_temp.reserve('test mode', 'retrieve', 10, p_livemode => false);
select pg_temp.reserve('after a pause', 'retrieve', 10, '1 hour');

select is(starts, 0.0, 'the first block starts at once') from blocks where name = 'first';
select is(count, 10, 'it has as many slots as were asked for') from blocks where name = 'first';
select is(per_second, 20, 'at the endpoint''s rate') from blocks where name = 'first';
select ok(step <@ '[50, 52.5]'::numrange, 'evenly paced, and a little slower than allowed') from blocks where name = 'first';
select ok(abs(b.starts - a.ends) < 0.01, format('the %s block starts where the %s one ends', b.name, a.name))
from (values ('first', 'second'), ('second', 'third')) as pair (former, latter)
join blocks a on a.name = former
join blocks b on b.name = latter;
select is(starts, 0.0, 'another endpoint has slots of its own') from blocks where name = 'other endpoint';
select is(starts, 0.0, 'and so has test mode') from blocks where name = 'test mode';
select ok(step <@ '[80, 90]'::numrange, 'at half of the account''s 25 calls') from blocks where name = 'test mode';
select is(starts, 3600000.0, 'slots nobody asked for are not saved up') from blocks where name = 'after a pause';
select is(per_second, 20, 'nor made up for') from blocks where name = 'after a pause';

select throws_ok(
  format('select public.jobs_reserve_calls(true, %L, %s)', 'retrieve', count), '22023',
  'Cannot reserve calls in a block of this size: current value is ' || count, format('a block of %s is refused', count)
)
from unnest(array[0, 129]) count;

select * from finish();
rollback;
