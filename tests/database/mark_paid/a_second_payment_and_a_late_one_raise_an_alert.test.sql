begin;
\ir ../helpers.sql
select plan(9);

select pg_temp.place_due_order('paid', '{pi_1,pi_2}'), pg_temp.place_due_order('expired');
select pg_temp.begin_run('run');
select pg_temp.close_without_payments('run');
select pg_temp.mark_paid('paid', 'pi_1', p_now => pg_temp.noon() - interval '1 minute');
create temp table stock as select on_hand, reserved from public.inventory;

select is(pg_temp.mark_paid('paid', 'pi_2'), 'paid_twice', 'two payments of one order');
select is(pg_temp.mark_paid('expired', 'pi_3'), 'late_payment', 'a payment after the order expired');
select results_eq(
  $$ select split_part(key, ':', 1), severity, details - 'cause' from lapse.alerts order by key $$,
  $$ select kind, 'critical', jsonb_build_object('ref', pg_temp.ref(name), 'amount', 1000, 'currency', 'eur', 'payments', payments)
     from (values ('late_payment', 'expired', '["pi_3"]'::jsonb), ('paid_twice', 'paid', '["pi_1", "pi_2"]'))
       as it (kind, name, payments) $$,
  'each is one critical alert with what a refund needs'
);
select is(
  pg_temp.told('expired', 'status') || (select status from public.orders where id = pg_temp.id('expired')), 'expiredexpired',
  'the expired order stays expired, in ledger and shop'
);
select results_eq('select on_hand, reserved from public.inventory', 'select * from stock', 'no stock moves');
select is((select state from lapse.payments where stripe_id = 'pi_2'), 'paid', 'the second payment is on record as paid');

select pg_temp.mark_paid('expired', 'pi_3');
select results_eq(
  $$ select split_part(key, ':', 1), occurrences from lapse.alerts order by key $$,
  $$ values ('late_payment', 2), ('paid_twice', 1) $$, 'a repeated webhook is counted in the same alert'
);
update lapse.alerts set resolved_at = pg_temp.noon(), resolved_by = 'ann', resolved_reason = 'refunded';
select pg_temp.mark_paid('expired', 'pi_3'), pg_temp.mark_paid('paid', 'pi_2');
select is((select count(*) from lapse.alerts where resolved_at is null), 0::bigint, 'and opens none that an operator closed');
select throws_ok(
  format('select lapse.mark_paid(%L, %L)', pg_temp.ref('expired'), 'pi_1'), 'PT409',
  format('Cannot mark order %s as paid by pi_1: the payment belongs to order %s', pg_temp.ref('expired'), pg_temp.ref('paid')),
  'a payment of another order is refused'
);

select * from finish();
rollback;
