begin;
\ir ../helpers.sql
select plan(9);

select pg_temp.place_due_order('paid', '{pi_1,pi_2}');
select pg_temp.place_due_order('expired');
select pg_temp.begin_run('run');
select public.jobs_expire_without_payments(pg_temp.id('run'), 1, 10, pg_temp.noon());
select public.mark_order_paid(pg_temp.id('paid'), 'pi_1', pg_temp.noon() - interval '1 minute');
create temp table stock as select on_hand, reserved from public.inventory;

select is(public.mark_order_paid(pg_temp.id('paid'), 'pi_2', pg_temp.noon()), 'paid_twice', 'two payments of one order');
select is(public.mark_order_paid(pg_temp.id('expired'), 'pi_3', pg_temp.noon()), 'late_payment', 'a payment after the order expired');

select results_eq(
  $$ select split_part(key, ':', 1), severity, details from public.job_alerts order by key $$,
  $$ select kind, 'critical', jsonb_build_object('orderId', pg_temp.id(name), 'amount', 1000, 'currency', 'eur', 'payments', payments)
     from (values ('late_payment', 'expired', '["pi_3"]'::jsonb), ('paid_twice', 'paid', '["pi_1", "pi_2"]'))
       as it (kind, name, payments) $$,
  'each is one critical alert with what a refund needs'
);
select is((select status from public.orders where id = pg_temp.id('expired')), 'expired', 'the expired order stays expired');
select results_eq('select on_hand, reserved from public.inventory', 'select * from stock', 'no stock moves');
select is((select state from public.order_payments where stripe_id = 'pi_2'), 'paid', 'the second payment is on record as paid');

select public.mark_order_paid(pg_temp.id('expired'), 'pi_3', pg_temp.noon());
select results_eq(
  $$ select split_part(key, ':', 1), occurrences from public.job_alerts order by key $$,
  $$ values ('late_payment', 2), ('paid_twice', 1) $$, 'a repeated webhook is counted in the same alert'
);
select public.jobs_resolve_alert(id, 'refunded', 'ann', pg_temp.noon()) from public.job_alerts;
select public.mark_order_paid(pg_temp.id('expired'), 'pi_3', pg_temp.noon());
select public.mark_order_paid(pg_temp.id('paid'), 'pi_2', pg_temp.noon());
select is((select count(*) from public.job_alerts where resolved_at is null), 0::bigint, 'and opens none that an operator closed');
select throws_ok(
  format('select public.mark_order_paid(%L, %L)', pg_temp.id('expired'), 'pi_1'), 'PT409',
  format('Cannot mark order %s as paid as pi_1 belongs to another order: current value is %s', pg_temp.id('expired'), pg_temp.id('paid')),
  'a payment of another order is refused'
);

select * from finish();
rollback;
