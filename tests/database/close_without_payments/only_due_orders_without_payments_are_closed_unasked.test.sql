begin;
\ir ../helpers.sql
select plan(11);

select pg_temp.place_due_order('old', p_due_for => '2 days', p_quantity => 2);
select pg_temp.place_due_order('older', p_due_for => '3 days', p_quantity => 3);
select pg_temp.place_due_order('fresh', p_due_for => '-1 second', p_quantity => 5);
select pg_temp.place_due_order('with payment', '{pi_1}', p_due_for => '4 days', p_quantity => 7);
select pg_temp.place_due_order('payment dead', '{pi_2}', p_due_for => '4 days', p_quantity => 11);
update lapse.payments set state = 'dead', evidence = '{}', closed_at = now() where stripe_id = 'pi_2';
select pg_temp.begin_run('run');

select is(pg_temp.close_without_payments('run', 1), '{"expired": 1, "unitsReleased": 3, "moved": 1}', 'oldest first, up to the limit');
select is(pg_temp.told('older', 'status'), 'expired', 'that was the oldest');
select is(pg_temp.close_without_payments('run', 10), '{"expired": 1, "unitsReleased": 2, "moved": 1}', 'then the others');
select is(pg_temp.close_without_payments('run', 10), '{"expired": 0, "unitsReleased": 0, "moved": 0}', 'then none');

select results_eq(
  $$ select distinct status, reason, closed_at, next_check_at, looks, run_id from lapse.orders
     where ref in (pg_temp.ref('old'), pg_temp.ref('older')) $$,
  $$ values ('expired', 'no_payment', pg_temp.noon(), null::timestamptz, 1, null::uuid) $$, 'they are expired in the ledger'
);
select results_eq(
  $$ select distinct status from public.orders where id in (pg_temp.id('old'), pg_temp.id('older')) $$, $$ values ('expired') $$,
  'and in the shop'
);
select results_eq(
  $$ select distinct status from lapse.orders where ref in (pg_temp.ref('fresh'), pg_temp.ref('with payment'), pg_temp.ref('payment dead')) $$,
  $$ values ('pending') $$, 'orders that are not due or have any payment are not'
);
select results_eq('select on_hand, reserved from public.inventory', 'values (1000, 23)', 'exactly their stock is back');
select results_eq(
  'select ref collate "default", units_released, outcome, reason, subject from lapse.decisions order by units_released',
  $$ values (pg_temp.ref('old'), 2::bigint, 'expired', 'no_payment', 'order'), (pg_temp.ref('older'), 3, 'expired', 'no_payment', 'order') $$,
  'one decision each'
);
select row_eq($$ select orders_expired, stock_released from lapse.runs $$, row(2::bigint, 5::bigint), 'the run has counted them');
select row_eq(
  $$ select orders_expired_total, stock_released_total from lapse.metrics where job = 'expire-stale-orders' $$,
  row(2::bigint, 5::bigint), 'and so has the job'
);

select * from finish();
rollback;
