begin;
\ir ../helpers.sql
select plan(7);

-- The shop cancels an order while the customer pays it.
select pg_temp.place_due_order('cancelled', '{pi_1,pi_2}', p_quantity => 3);
select pg_temp.begin_run('run'), pg_temp.claim('run');
alter table public.orders disable trigger lapse_follows;
select public.close_orders(array[pg_temp.id('cancelled')], '{}');
create temp table before as select array_agg(o)::text || (select array_agg(i)::text from public.inventory i) as shop from public.orders o;

select is(
  pg_temp.settled('run', array[
    pg_temp.decide('cancelled', 'paid', array[pg_temp.said('pi_1', 'found_paid'), pg_temp.said('pi_2', 'canceled')], 'paid')
  ]),
  '{"outcomes": {"quarantined": 1}, "superseded": 0}', 'the order is not paid'
);
select is(
  pg_temp.told('cancelled', 'status') || ', ' || pg_temp.told('cancelled', 'reason'), 'quarantined, late_payment', 'a person decides about it'
);
select is((select array_agg(o)::text || (select array_agg(i)::text from public.inventory i) from public.orders o), shop, 'nothing moves in the shop') from before;
select results_eq(
  $$ select outcome, reason from lapse.decisions where stripe_id = 'pi_1' $$, $$ values ('late_payment', 'order_expired') $$, 'the money is late'
);
select row_eq('select late_payments, orders_quarantined from lapse.runs', row(1::bigint, 1::bigint), 'and counted as that');
select results_eq('select key, severity from lapse.alerts', $$ values ('late_payment:' || pg_temp.ref('cancelled'), 'critical') $$, 'one alert says so');
select is((select details -> 'payments' from lapse.alerts), '["pi_1"]', 'and names it');

select * from finish();
rollback;
