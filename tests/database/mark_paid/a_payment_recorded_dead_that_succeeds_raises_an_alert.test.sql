begin;
\ir ../helpers.sql
select plan(8);

-- Stripe had confirmed that these payments can never succeed. If one does, nothing could be more worth an alert.
select pg_temp.place_due_order('expired', '{pi_1}'), pg_temp.place_due_order('paid', '{pi_2,pi_3}'), pg_temp.place_due_order('pending', '{pi_4}');
select pg_temp.begin_run('run'), pg_temp.claim('run');
select pg_temp.settle('run', array[
  pg_temp.decide('expired', 'expired', array[pg_temp.said('pi_1', 'canceled')]),
  pg_temp.decide('paid', 'paid', array[pg_temp.said('pi_2', 'found_paid'), pg_temp.said('pi_3', 'canceled')]),
  pg_temp.decide('pending', 'retry', array[pg_temp.said('pi_4', 'canceled')])
]);

select is(pg_temp.mark_paid('expired', 'pi_1'), 'late_payment', 'its order has expired');
select is(pg_temp.mark_paid('paid', 'pi_3'), 'paid_twice', 'another payment has paid its order');
select results_eq(
  $$ select key from lapse.alerts order by key $$,
  $$ values ('late_payment:' || pg_temp.ref('expired')), ('paid_twice:' || pg_temp.ref('paid')) $$, 'both raise an alert'
);
select is(
  (select details -> 'payments' from lapse.alerts where key like 'paid_twice:%'), '["pi_3"]', 'with the payment to refund'
);

select is(pg_temp.mark_paid('pending', 'pi_4'), 'paid', 'an open order is paid by it');
select is(
  (select details -> 'payments' from lapse.alerts where key = 'payments_unclear:dead_but_paid'), '["pi_4"]', 'and an alert is raised'
);
select is(pg_temp.mark_paid('pending', 'pi_4'), 'already_paid', 'the same webhook again is no second payment');
select is((select count(*) from lapse.alerts where key like 'paid_twice:%'), 1::bigint, 'and no alert asks for a refund');

select * from finish();
rollback;
