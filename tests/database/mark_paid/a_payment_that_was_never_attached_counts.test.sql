begin;
\ir ../helpers.sql
select plan(7);

select pg_temp.place_due_order('open', p_quantity => 2), pg_temp.place_due_order('gone');
select pg_temp.begin_run('run');
select lapse.mark_paid(pg_temp.ref('open'), 'cs_test_1', 'acct_1', 1000, pg_temp.noon());
select pg_temp.close_without_payments('run');

select row_eq(
  $$ select kind, account, source, state, reason, evidence, checked_at, closed_at from lapse.payments where stripe_id = 'cs_test_1' $$,
  row(
    'checkout_session'::text, 'acct_1'::text, 'server'::text, 'paid'::text, 'reported_by_shop'::text,
    '{"source": "mark_paid", "amount_received": 1000}'::jsonb, pg_temp.noon(), pg_temp.noon()
  ), 'it is recorded, paid, of the kind its id tells, with what was received'
);
select is(pg_temp.told('open', 'status') || pg_temp.told('open', 'payments'), 'paid1', 'the order is paid by it');
select results_eq('select on_hand, reserved from public.inventory', 'values (998, 0)', 'and its stock consumed');

select is(pg_temp.mark_paid('gone', 'pi_9'), 'late_payment', 'after the order expired it is a late payment');
select row_eq(
  $$ select kind, state, evidence from lapse.payments where stripe_id = 'pi_9' $$,
  row('payment_intent'::text, 'paid'::text, '{"source": "mark_paid"}'::jsonb), 'on record like every payment'
);

select pg_temp.place_order('placed just now');
select is(pg_temp.mark_paid('placed just now', 'pi_10'), 'paid', 'an order whose watch is still in the inbox is paid');
alter table public.orders disable trigger lapse_watches;
select pg_temp.place_order('never watched');
select is(
  pg_temp.mark_paid('never watched', 'pi_11') || pg_temp.told('never watched', 'status'), 'paidpaid', 'and so is an unwatched one'
);

select * from finish();
rollback;
