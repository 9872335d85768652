begin;
\ir ../helpers.sql
select plan(15);

update jobs.settings set stripe_endpoint_rate = 20, stripe_account_limit_live = 100;
create function pg_temp.reserve(p_endpoint text, p_after interval) returns jsonb
language sql
as $$ select public.jobs_reserve_calls(true, p_endpoint, 1, pg_temp.noon() + p_after) $$;
create function pg_temp.throttle(p_after interval, p_scope text default 'endpoint') returns void
language sql
as $$ select public.jobs_report_throttle(true, 'cancel', p_scope, pg_temp.noon() + p_after) $$;
prepare budget as select throttled_total, rate from jobs.call_budgets where endpoint = 'cancel';

select is(pg_temp.reserve('cancel', '0') ->> 'perSecond', '20', 'at full pace');
select pg_temp.throttle('1 minute');
select results_eq('budget', 'values (1::bigint, 10.0)', 'a refusal halves it');
select pg_temp.throttle('1 minute 0.5 seconds');
select results_eq('budget', 'values (2::bigint, 10.0)', 'refusals that arrive together halve it once');
select ok(
  (pg_temp.reserve('cancel', '1 minute') ->> 'startsInMs')::numeric <@ '[1000, 1500]'::numrange, 'the endpoint pauses for about a second'
);
select is((pg_temp.reserve('retrieve', '1 minute') ->> 'startsInMs')::numeric, 0.0, 'the others do not');

select is(pg_temp.reserve('cancel', '1 minute 4 seconds') ->> 'perSecond', '10', 'for five seconds the pace is the halved one');
select is(pg_temp.reserve('cancel', '1 minute 5 seconds') ->> 'perSecond', '11', 'then one more');
select is(pg_temp.reserve('cancel', '1 minute 30 seconds') ->> 'perSecond', '16', 'and one more for each five seconds');
select is(pg_temp.reserve('cancel', '2 hours') ->> 'perSecond', '20', 'up to the limit and no further');

select pg_temp.throttle('3 hours');
select pg_temp.throttle(interval '3 hours' + n * interval '2 seconds') from generate_series(1, 9) n;
select is(pg_temp.reserve('cancel', '3 hours 22 seconds') ->> 'perSecond', '1', 'however often it is refused, one call a second is left');

select pg_temp.throttle('4 hours', 'account');
select ok(
  (pg_temp.reserve('retrieve', '4 hours') ->> 'startsInMs')::numeric <@ '[1000, 1500]'::numrange, 'the account''s limit makes everybody pause'
);
select is((select rate from jobs.call_budgets where endpoint = 'account'), 25.0, 'and halves the account''s share');
select is((select throttled_total from jobs.call_budgets where endpoint = 'account'), 1::bigint, 'and is counted there');

select throws_ok(
  $$ select pg_temp.throttle('0', 'object') $$, '22023', 'Cannot report a throttled call with this scope: current value is object',
  'the lock of one object is no reason to slow down'
);
select lives_ok(
  $$ select public.jobs_report_throttle(false, 'never seen', 'endpoint', pg_temp.noon()) $$, 'an endpoint may be refused on its first call'
);

select * from finish();
rollback;
