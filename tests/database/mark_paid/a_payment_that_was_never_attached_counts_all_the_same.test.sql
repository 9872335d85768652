begin;
\ir ../helpers.sql
select plan(5);

select pg_temp.place_due_order('open', p_quantity => 2);
select pg_temp.place_due_order('gone');
select pg_temp.begin_run('run');
select public.mark_order_paid(pg_temp.id('open'), 'cs_test_1', pg_temp.noon());
select public.jobs_expire_without_payments(pg_temp.id('run'), 1, 10, pg_temp.noon());

select row_eq(
  $$ select kind, state, reason, evidence from public.order_payments where stripe_id = 'cs_test_1' $$,
  row('checkout_session'::text, 'paid'::text, 'reported_by_shop'::text, '{"source": "mark_order_paid"}'::jsonb),
  'it is recorded, paid, of the kind its id tells'
);
select row_eq(
  $$ select status, payment_count from public.orders where id = pg_temp.id('open') $$, row('paid'::text, 1), 'the order is paid by it'
);
select results_eq('select on_hand, reserved from public.inventory', 'values (998, 0)', 'and its stock consumed');

select is(public.mark_order_paid(pg_temp.id('gone'), 'pi_9', pg_temp.noon()), 'late_payment', 'after the order expired it is a late payment');
select row_eq(
  $$ select kind, state from public.order_payments where stripe_id = 'pi_9' $$, row('payment_intent'::text, 'paid'::text),
  'on record like every payment'
);

select * from finish();
rollback;
