begin;
\ir ../helpers.sql
select plan(5);

-- Whatever the run says: one payment is left open, one turned out paid, one was never asked about.
select pg_temp.place_due_order('open', '{pi_1}');
select pg_temp.place_due_order('paid', '{pi_2,pi_3}');
select pg_temp.place_due_order('forgotten', '{pi_4,pi_5}');
select pg_temp.begin_run('run'), pg_temp.claim('run');

select is(
  pg_temp.settled('run', array[
    pg_temp.decide('open', 'expired', array[pg_temp.said('pi_1', 'kept')], 'all_dead'),
    pg_temp.decide('paid', 'expired', array[pg_temp.said('pi_2', 'canceled'), pg_temp.said('pi_3', 'found_paid')], 'all_dead'),
    pg_temp.decide('forgotten', 'expired', array[pg_temp.said('pi_4', 'canceled')], 'all_dead')
  ]),
  '{"outcomes": {"retry": 3}, "superseded": 0}', 'each becomes a failed attempt'
);
select results_eq(
  'select distinct status, reason, failures from lapse.orders', $$ values ('pending', 'payment_not_dead', 1) $$,
  'the orders stay open and say why'
);
select results_eq(
  $$ select distinct outcome, reason, units_released from lapse.decisions where subject = 'order' $$,
  $$ values ('retry', 'payment_not_dead', 0::bigint) $$, 'and so do the decisions'
);
select results_eq('select on_hand, reserved from public.inventory', 'values (1000, 3)', 'no stock is released');
select is((select orders_expired from lapse.runs), 0::bigint, 'nothing is counted as expired');

select * from finish();
rollback;
