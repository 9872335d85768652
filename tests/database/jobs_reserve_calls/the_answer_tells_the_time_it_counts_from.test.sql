begin;
\ir ../helpers.sql
select plan(2);

select public.jobs_reserve_calls(true, 'payment_intents.cancel', 10, pg_temp.noon());
select results_eq(
  $$ select (r ->> 'now')::timestamptz, (r ->> 'startsInMs')::numeric
     from public.jobs_reserve_calls(true, 'payment_intents.cancel', 10, pg_temp.noon() + interval '0.5 seconds') r $$,
  $$ values (pg_temp.noon() + interval '0.5 seconds', 14::numeric) $$,
  'a block that begins after the one before it counts from the time of its own reservation'
);

-- A transaction may wait long before it reserves, as for the lock of another one.
select pg_sleep(0.01);
select ok(
  (public.jobs_reserve_calls(true, 'payment_intents.retrieve', 1) ->> 'now')::timestamptz > now(),
  'and left to itself that is the clock''s, not the beginning of the transaction'
);

select * from finish();
rollback;
