begin;
\ir ../helpers.sql
select plan(2);

select public.jobs_report_throttle(true, 'payment_intents.cancel', 'endpoint', pg_temp.noon() + n * interval '2 seconds')
from generate_series(1, 12) n;
select is(
  (select rate from jobs.call_budgets where livemode and endpoint = 'payment_intents.cancel'), 1::numeric, 'the rate does not fall below one'
);
select is(
  public.jobs_reserve_calls(true, 'payment_intents.cancel', 1, pg_temp.noon() + interval '25 seconds') ->> 'perSecond', '1',
  'and calls go on'
);

select * from finish();
rollback;
