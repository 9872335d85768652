begin;
\ir ../helpers.sql
select plan(6);

-- What is granted of 128 calls at a rate, and how many milliseconds the block lasts.
create temp table blocks (rate numeric, count integer, lasts numeric, next_in numeric);
create function pg_temp.reserve(p_rate numeric) returns void
language plpgsql
as $$
declare
  v_block jsonb;
begin
  update jobs.settings set stripe_endpoint_rate = p_rate, stripe_account_limit_live = 200;
  v_block := public.jobs_reserve_calls(true, 'rate ' || p_rate, 128, pg_temp.noon() + make_interval(mins => p_rate::integer));
  insert into blocks
  select p_rate, (v_block ->> 'count')::integer, (v_block ->> 'count')::integer * (v_block ->> 'intervalMs')::numeric,
    (public.jobs_reserve_calls(true, 'rate ' || p_rate, 1, pg_temp.noon() + make_interval(mins => p_rate::integer))
      ->> 'startsInMs')::numeric;
end;
$$;
update jobs.settings set claim_batch = 1;
select pg_temp.reserve(rate) from unnest(array[1, 5, 20, 25, 100]) rate;

select ok(
  (select bool_and(lasts <= 6000) from blocks), format('no block lasts longer (%s)', (select array_agg(round(lasts)) from blocks))
);
select results_eq(
  'select count from blocks order by rate', $$ values (5), (29), (116), (128), (128) $$, 'slow endpoints are granted less than asked for'
);
select is(count, 116, 'at 20 calls a second one reservation is enough for a hundred calls') from blocks where rate = 20;
select ok(
  (select bool_and(abs(next_in - lasts) < 0.01) from blocks), 'what was not granted is not reserved: the next block starts at its end'
);

-- Slower than one call in six seconds nothing is: but one call is always granted.
insert into jobs.call_budgets (livemode, endpoint, rate, rate_at) values (true, 'crawling', 0.1, pg_temp.noon());
select is(
  (public.jobs_reserve_calls(true, 'crawling', 128, pg_temp.noon()) ->> 'count')::integer, 5, 'no endpoint is slower than one call a second'
);
select is(
  (public.jobs_reserve_calls(true, 'rate 20', 7, pg_temp.noon() + interval '1 day') ->> 'count')::integer, 7,
  'who asks for less gets what he asks for'
);

select * from finish();
rollback;
