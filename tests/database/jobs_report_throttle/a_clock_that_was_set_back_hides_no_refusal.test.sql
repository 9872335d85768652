begin;
\ir ../helpers.sql
select plan(7);

update jobs.settings set stripe_endpoint_rate = 20, stripe_account_limit_live = 100;
create function pg_temp.reserve(p_after interval) returns jsonb
language sql
as $$ select public.jobs_reserve_calls(true, 'cancel', 1, pg_temp.noon() + p_after) $$;
create function pg_temp.throttle(p_after interval) returns void
language sql
as $$ select public.jobs_report_throttle(true, 'cancel', 'endpoint', pg_temp.noon() + p_after) $$;
prepare budget as select throttled_total, rate from jobs.call_budgets where endpoint = 'cancel';

select pg_temp.throttle('1 day');
select results_eq('budget', 'values (1::bigint, 10.0)', 'refused tomorrow');
select pg_temp.throttle('0');
select results_eq('budget', 'values (2::bigint, 5.0)', 'a refusal of today is a new one');
select ok((pg_temp.reserve('0') ->> 'startsInMs')::numeric <@ '[1000, 1500]'::numrange, 'and makes the endpoint pause');
select pg_temp.throttle('-2 seconds');
select results_eq('budget', 'values (3::bigint, 5.0)', 'one that waited for its turn is of the same moment');
select is(pg_temp.reserve('30 seconds') ->> 'perSecond', '11', 'the rate recovers from then on');

select pg_temp.throttle('2 days');
select pg_temp.reserve('1 minute');
select is(pg_temp.reserve('1 minute 20 seconds') ->> 'perSecond', '14', 'also when Stripe refuses nothing any more');
select is(pg_temp.reserve('3 minutes') ->> 'perSecond', '20', 'up to the limit');

select * from finish();
rollback;
