begin;
\ir ../helpers.sql
select plan(23);

select pg_temp.place_due_order('pending', '{pi_0}'), pg_temp.place_due_order('expiring', '{pi_1}'), pg_temp.place_due_order('expired', '{pi_2}');
select pg_temp.place_due_order('paid', '{pi_3}'), pg_temp.place_due_order('quarantined', '{pi_4}');
select pg_temp.begin_run('run'), pg_temp.claim('run');
select pg_temp.settle('run', array[
  pg_temp.decide('pending', 'retry'),
  pg_temp.decide('expired', 'expired', array[pg_temp.said('pi_2', 'canceled')]),
  pg_temp.decide('paid', 'paid', array[pg_temp.said('pi_3', 'found_paid')]),
  pg_temp.decide('quarantined', 'quarantined')
]);

select throws_ok(
  format('select lapse.attach_payment(%L, %L)', ref, 'pi_new'), 'PT409',
  format('Cannot attach payment pi_new to order %s: it is %s', ref, status), 'refused while ' || status
)
from lapse.orders where status <> 'pending' order by status;
select is((select count(*) from lapse.payments where stripe_id = 'pi_new'), 0::bigint, 'nothing was recorded');

select lapse.attach_payment(pg_temp.ref('pending'), 'cs_test_new', 'acct_1', p_now => pg_temp.noon());
select results_eq(
  $$ select ref = pg_temp.ref('pending'), kind, account, source, state, attached_at from lapse.payments where stripe_id = 'cs_test_new' $$,
  $$ values (true, 'checkout_session', 'acct_1', 'server', 'open', pg_temp.noon()) $$, 'a pending order takes it, open'
);
select is(pg_temp.told('pending', 'payments'), '2', 'and counts it');

select pg_temp.place_order('cancelled'), pg_temp.place_order('deleted'), pg_temp.place_order('never watched');
select lapse.fold_inbox(p_refs => array[pg_temp.ref('cancelled'), pg_temp.ref('deleted')], p_now => pg_temp.noon());
alter table public.orders disable trigger lapse_follows;
select public.close_order(pg_temp.id('cancelled'), false), public.close_order(pg_temp.id('never watched'), true);
delete from public.stock_reservations where order_id = pg_temp.id('deleted');
delete from public.orders where id = pg_temp.id('deleted');
truncate lapse.inbox;
select throws_ok(
  format('select lapse.attach_payment(%L, %L)', pg_temp.ref(name), 'pi_new'), code, format('Cannot attach payment pi_new to order %s: %s', pg_temp.ref(name), why), it
)
from (values
  ('cancelled', 'PT409', 'it is closed', 'an order that the shop closed without a word is refused'),
  ('never watched', 'PT409', 'it is paid', 'and so is an unwatched one'),
  ('deleted', 'PT404', 'there is no such order', 'one that the shop deleted is not found'),
  ('nowhere', 'PT404', 'there is no such order', 'nor is one that neither shop nor ledger knows')
) as bad (name, code, why, it);
select throws_ok($$ select lapse.attach_payment('', 'pi_new') $$, 'PT404', null, 'nor one without a name');

select throws_ok(
  format('select lapse.attach_payment(%L, %L, %L, %L)', pg_temp.ref('pending'), stripe_id, account, expires_at), '22023', message, message
)
from (values
  ('ch_1', null, null, 'Cannot use ch_1 as a payment: it is not the id of a PaymentIntent or Checkout Session'),
  ('plink_1', null, null, 'Cannot use plink_1 as a payment: it is not the id of a PaymentIntent or Checkout Session'),
  ('undefined', null, null, 'Cannot use undefined as a payment: it is not the id of a PaymentIntent or Checkout Session'),
  (null, null, null, 'Cannot use null as a payment: it is not the id of a PaymentIntent or Checkout Session'),
  ('pi_1_secret_2', null, null, 'Cannot use a client secret as the id of a payment: pi_1…'),
  ('pi_1', 'acc_1', null, 'Cannot use acc_1 as an account: it is not the id of a connected account'),
  ('pi_1', null, 'infinity', 'Cannot attach payment pi_1: its expiry infinity is years away'),
  ('pi_1', null, '56812-01-01 00:00:00+00', 'Cannot attach payment pi_1: its expiry 56812-01-01 00:00:00+00 is years away')
) as bad (stripe_id, account, expires_at, message);
create function pg_temp.hint_for(p_stripe_id text) returns text
language plpgsql
as $$
declare
  v_hint text;
begin
  perform lapse.attach_payment(pg_temp.ref('pending'), p_stripe_id);
  return null;
exception when invalid_parameter_value then
  get stacked diagnostics v_hint = pg_exception_hint;
  return v_hint;
end;
$$;
select results_eq(
  $$ select pg_temp.hint_for('pi_1_secret_2') union all select pg_temp.hint_for('plink_1') $$,
  $$ values ('Pass the id of the PaymentIntent or Checkout Session: the part before _secret_.'), ('Such ids begin with pi_ or cs_.') $$,
  'and it says what to pass instead'
);

update lapse.settings set max_payments_per_order = 2;
select throws_ok(
  format('select lapse.attach_payment(%L, %L)', pg_temp.ref('pending'), 'pi_3rd'), 'PT409',
  format('Cannot attach payment pi_3rd to order %s: it has 2 payments already', pg_temp.ref('pending')), 'an order takes a limited number of payments'
);
select lives_ok(
  format('select lapse.attach_payment(%L, %L)', pg_temp.ref('pending'), 'cs_test_new'), 'existing ones may be attached again'
);

select * from finish();
rollback;
