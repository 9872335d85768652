begin;
\ir ../helpers.sql
select plan(2);

select public.jobs_reserve_calls(false, endpoint, 10, pg_temp.noon() + interval '1 day')
from unnest(array['payment_intents.cancel', 'payment_intents.list']) endpoint;
select public.jobs_report_throttle(false, 'payment_intents.cancel', 'account', pg_temp.noon() + interval '1 day');

select is(
  (public.jobs_reserve_calls(false, 'payment_intents.cancel', 1, pg_temp.noon()) ->> 'startsInMs')::numeric, 0::numeric,
  'slots of a day that is not yet there hold nobody up'
);
select ok(
  (public.jobs_reserve_calls(false, 'payment_intents.cancel', 1, pg_temp.noon()) ->> 'startsInMs')::numeric > 0,
  'those of this moment follow each other as ever'
);

select * from finish();
rollback;
