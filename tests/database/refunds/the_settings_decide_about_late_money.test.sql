begin;
\ir ../helpers.sql
select plan(16);

select pg_temp.place_due_order(name) from unnest('{a,b,c,d,e}'::text[]) name;
select pg_temp.begin_run('run');
select pg_temp.close_without_payments('run');
create function pg_temp.shop(p_name text) returns text
language sql
as $$ select o.status from public.orders o where o.id = pg_temp.id(p_name) $$;
create function pg_temp.sell_out() returns void
language sql
as $$ update public.inventory set on_hand = reserved where sku = 'tea' $$;

-- The default.
select is(pg_temp.mark_paid('a', 'pi_a', 1000), 'late_payment', 'by default late money changes nothing');
select is((select count(*)::integer from lapse.alerts where key = 'late_payment:' || pg_temp.ref('a')), 1, 'but alerts a person');

-- A revival.
update lapse.settings set late_payments = 'revive_or_alert' where only_row;
select is(pg_temp.mark_paid('b', 'pi_b', 600), 'late_payment', 'part of the amount revives no order');
select is(pg_temp.mark_paid('b', 'pi_b2', 400), 'revived', 'the rest of it does');
select is(pg_temp.told('b', 'status') || ' ' || pg_temp.told('b', 'reason') || ' ' || pg_temp.shop('b'), 'paid revived paid', 'in ledger and shop');
select results_eq(
  'select on_hand, reserved from public.inventory', 'values (999, 0)', 'its unit is sold, once'
);
select is(pg_temp.mark_paid('b', 'pi_b2', 400), 'already_paid', 'the same report again changes nothing');
select throws_ok(
  format('update lapse.orders set status = %L, reason = %L where ref = %L', 'paid', 'because', pg_temp.ref('a')), '23001', null,
  'no other way leads out of expired'
);

-- No stock: alert or refund.
select pg_temp.sell_out();
select is(pg_temp.mark_paid('c', 'pi_c', 1000), 'late_payment', 'without stock nothing is revived');
select is((select count(*)::integer from lapse.alerts where key = 'late_payment:' || pg_temp.ref('c')), 1, 'and an alert is raised');
update lapse.settings set late_payments = 'revive_or_refund' where only_row;
select is(pg_temp.mark_paid('d', 'pi_d', 1000), 'late_payment', 'where the settings say so');
select results_eq(
  'select stripe_id collate "default", reason, status, amount, currency, next_attempt_at from lapse.refunds',
  $$ values ('pi_d', 'order_expired', 'queued', 1000::bigint, 'eur', pg_temp.noon()) $$, 'the money is queued to go back'
);
select is((select count(*)::integer from lapse.alerts where key = 'late_payment:' || pg_temp.ref('d')), 0, 'and no alert is raised');
update public.inventory set on_hand = 1000 where sku = 'tea';
select is(pg_temp.mark_paid('d', 'pi_d', 1000), 'late_payment', 'an order whose money is refunded is not revived, whatever is in stock by now');
select is((select count(*)::integer from lapse.refunds), 1, 'nor is its money queued twice');

-- Cancelled by the shop.
select pg_temp.place_order('cancelled', pg_temp.noon() - interval '1 hour');
select public.close_order(p_order_id => pg_temp.id('cancelled'), p_paid => false);
select pg_temp.mark_paid('cancelled', 'pi_f', 1000);
select is(pg_temp.shop('cancelled'), 'expired', 'an order that the shop cancelled is never revived');

select * from finish();
rollback;
