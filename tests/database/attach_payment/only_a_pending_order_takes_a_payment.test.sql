begin;
\ir ../helpers.sql
select plan(14);

select pg_temp.place_due_order('pending');
select pg_temp.place_due_order('expiring', '{pi_1}');
select pg_temp.place_due_order('expired', '{pi_2}');
select pg_temp.place_due_order('paid', '{pi_3}');
select pg_temp.place_due_order('quarantined', '{pi_4}');
select pg_temp.begin_run('run'), pg_temp.claim('run');
select pg_temp.settle('run', array[
  pg_temp.decide('expired', 'expired', array[pg_temp.said('pi_2', 'canceled')]),
  pg_temp.decide('paid', 'paid', array[pg_temp.said('pi_3', 'found_paid')]),
  pg_temp.decide('quarantined', 'quarantined')
]);

select throws_ok(
  format('select public.attach_payment(%L, %L, %L)', id, 'payment_intent', 'pi_new'), 'PT409',
  'Cannot attach payment pi_new as the order is not pending: current value is ' || status, 'refused while ' || status
)
from public.orders where status <> 'pending' order by status;
select is((select count(*) from public.order_payments where stripe_id = 'pi_new'), 0::bigint, 'nothing was recorded');

select public.attach_payment(pg_temp.id('pending'), 'checkout_session', 'cs_test_new', 'acct_1', p_now => pg_temp.noon());
select results_eq(
  $$ select kind, stripe_account, state, created_at from public.order_payments where stripe_id = 'cs_test_new' $$,
  $$ values ('checkout_session', 'acct_1', 'open', pg_temp.noon()) $$,
  'a pending order takes it, open'
);
select is((select payment_count from public.orders where id = pg_temp.id('pending')), 1, 'and shows it in its payment_count');

select throws_ok(
  format('select public.attach_payment(%L, %L, %L)', pg_temp.id('unknown'), 'payment_intent', 'pi_new'), 'PT404', null,
  'an unknown order is refused as not found'
);
select throws_ok(
  format('select public.attach_payment(%L, %L, %L, %L)', pg_temp.id('pending'), kind, stripe_id, account), '22023',
  format(
    'Cannot attach payment as kind, id or account is not one of Stripe''s: current value is %s %s %s',
    kind, coalesce(stripe_id, 'null'), coalesce(account, 'null')
  ),
  it || ' is refused'
)
from (values
  ('charge', 'ch_1', null, 'what is neither PaymentIntent nor Checkout Session'),
  ('payment_intent', 'undefined', null, 'what JavaScript writes for nothing'),
  ('payment_intent', null, null, 'nothing'),
  ('payment_intent', 'cs_test_1', null, 'a session called an intent'),
  ('checkout_session', 'pi_1', null, 'an intent called a session'),
  ('payment_intent', 'pi_1', 'acc_1', 'no account of Stripe''s')
) as bad (kind, stripe_id, account, it);

select * from finish();
rollback;
