begin;
\ir ../helpers.sql
select plan(14);

create function pg_temp.answer(p_name text, p_release boolean default false, p_reason text default null) returns text
language sql
as $$
  select lapse.begin_run(
    p_run_id => pg_temp.id(p_name), p_job => 'expire-stale-orders', p_trigger => 'operator', p_release_brake => p_release,
    p_reason => p_reason, p_now => pg_temp.noon()
  ) ->> 'answer'
$$;
prepare brake as select severity, occurrences, resolved_at from lapse.alerts where key = 'brake:expire-stale-orders';

update lapse.settings set brake_threshold = 2;
select pg_temp.place_due_order('a', '{pi_1}');
select pg_temp.place_due_order('b');
select pg_temp.place_due_order('not due', p_due_for => '-1 second');
select is(pg_temp.answer('usual'), 'running', 'as many due orders as the brake allows');
select is((select count(*) from lapse.alerts), 0::bigint, 'are no cause for an alert');
select lapse.finish_run(pg_temp.id('usual'), 'succeeded', p_now => pg_temp.noon());

select pg_temp.place_due_order('c', p_due_for => '0');
create temp table orders_before as select * from lapse.orders;
select is(pg_temp.answer('braked'), 'braked', 'one more, and the brake is on');
select row_eq(
  $$ select status, error, fence, finished_at from lapse.runs where id = pg_temp.id('braked') $$,
  row('braked'::text, 'More than 2 orders are due for the first time'::text, null::bigint, pg_temp.noon()), 'the run has ended as braked'
);
select results_eq('brake', $$ values ('critical', 1, null::timestamptz) $$, 'an alert is open');
select is((select details ->> 'threshold' from lapse.alerts), '2', 'and names the threshold');
select results_eq('select * from lapse.orders order by ref', 'select * from orders_before order by ref', 'no order was touched');
select throws_ok(
  format('select lapse.claim_orders(%L, %s, 10)', pg_temp.id('braked'), fence), 'LP001', null, 'the braked run can claim nothing'
)
from lapse.jobs where job = 'expire-stale-orders';

select is(pg_temp.answer('again'), 'braked', 'the next run meets it again');
select results_eq('brake', $$ values ('critical', 2, null::timestamptz) $$, 'which the same alert counts');

select throws_ok(
  format($$ select pg_temp.answer('released', true, %L) $$, reason), '22023', 'Cannot release the brake without a reason',
  'the brake is not released without a reason'
)
from (values (null), ('')) as it (reason);
select is(pg_temp.answer('released', true, 'the sale is over'), 'running', 'with a reason the run continues');
select results_eq('brake', $$ values ('critical', 2, pg_temp.noon()) $$, 'and the alert is resolved');

select * from finish();
rollback;
