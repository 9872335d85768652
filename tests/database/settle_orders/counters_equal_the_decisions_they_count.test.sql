begin;
\ir ../helpers.sql
select plan(4);

select pg_temp.place_due_order('a', '{pi_1,cs_1}', p_quantity => 2);
select pg_temp.place_due_order('b', '{pi_2,pi_3}', p_quantity => 3);
select pg_temp.place_due_order('c', '{pi_4,cs_4}');
select pg_temp.place_due_order('d', '{pi_5}');
select pg_temp.place_due_order('e', '{pi_6}');
select pg_temp.place_due_order('f', p_quantity => 13);
select pg_temp.begin_run('run'), pg_temp.claim('run');
select lapse.close_without_payments(pg_temp.id('run'), 1, 10, pg_temp.noon());
select pg_temp.settle('run', array[
  pg_temp.decide('a', 'expired', array[pg_temp.said('pi_1', 'canceled'), pg_temp.said('cs_1', 'canceled')]),
  pg_temp.decide('b', 'paid', array[pg_temp.said('pi_2', 'found_paid'), pg_temp.said('pi_3', 'canceled')]),
  pg_temp.decide('c', 'waiting', array[pg_temp.said('pi_4', 'kept'), pg_temp.said('cs_4', 'found_dead')],
    p_next_check_at => pg_temp.noon() + interval '1 hour')
]);
select pg_temp.settle('run', array[
  pg_temp.decide('d', 'retry', array[pg_temp.said('pi_5', 'kept')]), pg_temp.decide('e', 'quarantined', array[pg_temp.said('pi_6', 'kept')])
]);
-- a second run adds to the same totals
select lapse.finish_run(pg_temp.id('run'), 'succeeded');
select pg_temp.begin_run('next', pg_temp.noon() + interval '1 day'), pg_temp.cursors_at(pg_temp.noon() + interval '2 days'), pg_temp.claim('next', pg_temp.noon() + interval '1 day');
select pg_temp.settle('next', array[pg_temp.decide('c', 'expired', array[pg_temp.said('pi_4', 'canceled')])]);

create temp view counted as
  select run_id,
    count(*) filter (where outcome = 'expired') as orders_expired,
    count(*) filter (where outcome = 'canceled' and subject = 'payment_intent') as payment_intents_canceled,
    count(*) filter (where outcome = 'canceled' and subject = 'checkout_session') as checkout_sessions_expired,
    sum(units_released) as stock_released,
    count(*) filter (where outcome = 'paid') as orders_paid,
    count(*) filter (where outcome = 'waiting') as orders_waiting,
    count(*) filter (where outcome = 'retry') as orders_retried,
    count(*) filter (where outcome = 'quarantined') as orders_quarantined,
    count(*) filter (where outcome = 'late_payment') as late_payments,
    count(*) filter (where outcome = 'kept') as payments_kept
  from lapse.decisions group by grouping sets ((run_id), ());

select results_eq(
  $$ select id, orders_expired, payment_intents_canceled, checkout_sessions_expired, stock_released, orders_paid, orders_waiting,
       orders_retried, orders_quarantined, late_payments, payments_kept from lapse.runs order by id $$,
  $$ select run_id, orders_expired::bigint, payment_intents_canceled::bigint, checkout_sessions_expired::bigint, stock_released::bigint,
       orders_paid::bigint, orders_waiting::bigint, orders_retried::bigint, orders_quarantined::bigint, late_payments::bigint, payments_kept::bigint
     from counted where run_id is not null order by run_id $$,
  'those of each run'
);
select row_eq(
  $$ select orders_expired_total, payment_intents_canceled_total, checkout_sessions_expired_total, stock_released_total,
       orders_paid_total, orders_waiting_total, orders_retried_total, orders_quarantined_total, late_payments_total, payments_kept_total
     from lapse.metrics where job = 'expire-stale-orders' $$,
  row(3::bigint, 3::bigint, 1::bigint, 16::bigint, 1::bigint, 1::bigint, 1::bigint, 1::bigint, 0::bigint, 3::bigint),
  'and the totals of the job, as they should be'
);
select row_eq(
  $$ select orders_expired, payment_intents_canceled, checkout_sessions_expired, stock_released::bigint, orders_paid, orders_waiting,
       orders_retried, orders_quarantined, late_payments, payments_kept from counted where run_id is null $$,
  row(3::bigint, 3::bigint, 1::bigint, 16::bigint, 1::bigint, 1::bigint, 1::bigint, 1::bigint, 0::bigint, 3::bigint),
  'which are the totals of the decisions'
);
select is(
  (select orders_expired_total from lapse.metrics where job <> 'expire-stale-orders'), 0::bigint, 'the other job has none'
);

select * from finish();
rollback;
