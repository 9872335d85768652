begin;
\ir ../helpers.sql
select plan(8);

update jobs.settings set stripe_endpoint_rate = 20, stripe_account_limit_live = 100;
create function pg_temp.reserve(p_endpoint text, p_count integer, p_after interval default '0', p_livemode boolean default true)
returns text
language sql
as $$
  select format('%s calls every %s ms from %s ms', r ->> 'count', (r ->> 'intervalMs')::numeric::real, (r ->> 'startsInMs')::numeric::real)
  from public.jobs_reserve_calls(p_livemode, p_endpoint, p_count, pg_temp.noon() + p_after) r
$$;

select is(pg_temp.reserve('retrieve', 10), '10 calls every 51 ms from 0 ms', 'the first block starts at once, evenly paced');
select is(pg_temp.reserve('retrieve', 64), '64 calls every 51 ms from 510 ms', 'the next one where the first one ends');
select is(pg_temp.reserve('retrieve', 1, '1 second'), '1 calls every 51 ms from 2774 ms', 'however much later it is asked for');
select is(pg_temp.reserve('cancel', 10), '10 calls every 51 ms from 0 ms', 'another endpoint has a pace of its own');
select is(pg_temp.reserve('retrieve', 10, p_livemode => false), '10 calls every 81.6 ms from 0 ms', 'and so has test mode, at half of 25');
select is(pg_temp.reserve('retrieve', 10, '1 hour'), '10 calls every 51 ms from 0 ms', 'slots nobody asked for are not saved up');

select throws_ok(
  format('select public.jobs_reserve_calls(true, %L, %s)', 'retrieve', count), '22023',
  'Cannot reserve calls in a block of this size: current value is ' || count, format('a block of %s is refused', count)
)
from unnest(array[0, 65]) count;

select * from finish();
rollback;
