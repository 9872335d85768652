begin;
\ir ../helpers.sql
select plan(2);

select is(
  (public.jobs_reserve_calls(true, 'payment_intents.cancel', 64, pg_temp.noon()) ->> 'intervalMs')::numeric, 51.4,
  'two calls that reach Stripe 28 ms closer together than they left still fit into the second'
);

-- The endpoint is throttled while its first block still runs: until that is over, the other endpoints must count with its rate.
select public.jobs_report_throttle(true, 'payment_intents.cancel', 'endpoint', pg_temp.noon() + interval '1 second');
select public.jobs_reserve_calls(true, 'payment_intents.cancel', 8, pg_temp.noon() + interval '1 second');
select results_eq(
  $$ select rate, block_rate from jobs.call_budgets where livemode and endpoint = 'payment_intents.cancel' $$,
  $$ values (10::numeric, 20::numeric) $$, 'a slower block does not hide the faster one before it'
);

select * from finish();
rollback;
