begin;
\ir ../helpers.sql
select plan(20);

select pg_temp.place_due_order('pending', '{pi_1}', p_due_for => '-1 hour', p_quantity => 2);
select pg_temp.place_due_order('expiring', '{pi_2}', p_quantity => 3);
select pg_temp.place_due_order('quarantined', '{pi_3}', p_quantity => 4);
select pg_temp.place_due_order('untouched', '{pi_4}', p_due_for => '-1 hour', p_quantity => 5);
select pg_temp.begin_run('run'), pg_temp.claim('run');
select pg_temp.settle('run', array[pg_temp.decide('quarantined', 'quarantined')]);

select is(pg_temp.mark_paid(name, stripe_id), 'paid', 'from ' || name)
from (values ('pending', 'pi_1'), ('expiring', 'pi_2'), ('quarantined', 'pi_3')) as it (name, stripe_id);

select results_eq(
  $$ select distinct status, reason, closed_at, next_check_at, run_id from lapse.orders where ref <> pg_temp.ref('untouched') $$,
  $$ values ('paid', 'reported_by_shop', pg_temp.noon(), null::timestamptz, null::uuid) $$,
  'the orders are paid and no run will look at them again'
);
select results_eq(
  $$ select distinct state, closed_at from lapse.payments where stripe_id <> 'pi_4' $$, $$ values ('paid', pg_temp.noon()) $$,
  'so are their payments'
);
select results_eq(
  $$ select distinct status from public.orders where id <> pg_temp.id('untouched') $$, $$ values ('paid') $$, 'so are the shop''s own rows'
);
select results_eq(
  $$ select distinct state from public.stock_reservations where order_id <> pg_temp.id('untouched') $$, $$ values ('consumed') $$,
  'their reservations are consumed'
);
select results_eq('select on_hand, reserved from public.inventory', 'values (991, 5)', 'the units left the warehouse');
select is((select count(*) from lapse.inbox), 0::bigint, 'Lapse''s own closing is no news to Lapse');
select is(
  pg_temp.settle('run', array[pg_temp.decide('expiring', 'expired', array[pg_temp.said('pi_2', 'found_dead')])]) ->> 'superseded', '1',
  'the run that held one of them finds nothing to decide'
);

select is(pg_temp.mark_paid(name, stripe_id), 'already_paid', 'again: ' || name)
from (values ('pending', 'pi_1'), ('expiring', 'pi_2'), ('quarantined', 'pi_3')) as it (name, stripe_id);
select results_eq('select on_hand, reserved from public.inventory', 'values (991, 5)', 'and leave it once');
select is((select count(*) from lapse.alerts), 0::bigint, 'no alert is raised');

select throws_ok(
  format('select lapse.mark_paid(%L, %L, %L, %L)', ref, stripe_id, account, amount), code, message, message
)
from (values
  (pg_temp.ref('unknown'), 'pi_1', null, null, 'PT404', format('Cannot mark order %s as paid by pi_1: there is no such order', pg_temp.ref('unknown'))),
  ('17', 'pi_1', null, null, 'PT404', 'Cannot mark order 17 as paid by pi_1: there is no such order'),
  ('o', 'undefined', null, null, '22023', 'Cannot use undefined as a payment: it is not the id of a PaymentIntent or Checkout Session'),
  ('o', 'pi_1', 'acc_1', null, '22023', 'Cannot use acc_1 as an account: it is not the id of a connected account'),
  ('o', 'pi_1', null, -1, '22023', 'Cannot mark order o as paid: p_amount is -1')
) as bad (ref, stripe_id, account, amount, code, message);

select * from finish();
rollback;
