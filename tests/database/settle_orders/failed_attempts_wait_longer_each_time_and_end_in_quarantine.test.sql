begin;
\ir ../helpers.sql
select plan(10);

update lapse.settings set max_attempts = 8, backoff_base = '1 minute', backoff_max = '20 minutes';
select pg_temp.place_due_order('a', '{pi_1}', p_quantity => 3);
select pg_temp.begin_run('run');

-- Claims the order and lets the attempt fail; answers for how many seconds the order has to wait.
create function pg_temp.fail(p_not_before interval default null) returns numeric
language plpgsql
as $$
begin
  update lapse.orders set next_check_at = pg_temp.noon() where status = 'pending';
  perform pg_temp.claim('run');
  perform pg_temp.settle('run', array[
    pg_temp.decide('a', 'retry', array[pg_temp.said('pi_1', 'kept')], 'timeout', pg_temp.noon() + p_not_before)
  ]);
  return (select extract(epoch from next_check_at - pg_temp.noon()) from lapse.orders);
end;
$$;

select ok(pg_temp.fail() <@ '[45, 75]'::numrange, 'the first failure waits for the base, more or less');
select ok(pg_temp.fail() <@ '[90, 150]'::numrange, 'the second for twice as long');
select ok(pg_temp.fail() <@ '[180, 300]'::numrange, 'the third for four times as long');
select is(pg_temp.fail('10 minutes'), 600.0, 'Stripe may ask for more');
select is((select failures from lapse.orders), 4, 'each of them counts');
update lapse.orders set failures = 6;
select is(pg_temp.fail(), 1200.0, 'no wait is longer than the longest');

select is(pg_temp.fail(), null, 'the eighth failure is the last: the job does not look again');
select row_eq('select status, reason from lapse.orders', row('quarantined'::text, 'attempts_exhausted'::text), 'the order is set aside');
select results_eq(
  $$ select outcome, reason from lapse.decisions where subject = 'order' order by id desc limit 2 $$,
  $$ values ('quarantined', 'attempts_exhausted'), ('retry', 'timeout') $$, 'the decision is the one that was taken, not the one asked for'
);
select results_eq('select state, quantity from public.stock_reservations', $$ values ('held', 3) $$, 'its stock stays held');

select * from finish();
rollback;
