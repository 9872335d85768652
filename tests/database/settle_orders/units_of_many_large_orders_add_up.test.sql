begin;
\ir ../helpers.sql
select plan(6);

-- Three articles of a million units each in 750 orders, and two of nearly as many as an integer holds in one.
insert into public.inventory (sku, on_hand) select 'screw ' || n, 2000000000 from generate_series(1, 5) n;
insert into public.orders (id, currency, amount, payment_method, channel, created_at, expires_at)
select pg_temp.id('order ' || n), 'eur', 1, 'card', 'web', pg_temp.noon() - interval '2 hours', pg_temp.noon() - interval '1 hour'
from generate_series(1, 751) n;
insert into public.stock_reservations (order_id, sku, quantity)
select pg_temp.id('order ' || n), 'screw ' || s, 1000000 from generate_series(1, 750) n, generate_series(1, 3) s
union all
select pg_temp.id('order 751'), 'screw ' || s, 2000000000 from generate_series(4, 5) s;
update public.inventory i
set reserved = (select sum(r.quantity) from public.stock_reservations r where r.sku = i.sku);
select lapse.fold_inbox(p_now => pg_temp.noon()), pg_temp.cursors_at(pg_temp.noon());
select lapse.record_payments(array[pg_temp.ref('order 751')], '{pi_1}', null, 'server', pg_temp.noon());
update lapse.jobs set close_batch = null where job = 'expire-stale-orders';
select pg_temp.begin_run('run'), pg_temp.claim('run');

select is(
  pg_temp.close_without_payments('run', 5000), '{"expired": 750, "unitsReleased": 2250000000, "moved": 750}',
  'orders are closed together whatever they hold'
);
select is(
  pg_temp.settled('run', array[pg_temp.decide('order 751', 'expired', array[pg_temp.said('pi_1', 'canceled')])]),
  '{"outcomes": {"expired": 1}, "superseded": 0}', 'and so is one that holds as much alone'
);
select is((select stock_released from lapse.runs), 6250000000, 'the run has counted them');
select is((select max(units_released) from lapse.decisions), 4000000000, 'and so has the decision');
select row_eq(
  $$ select m.stock_released_total, d.stock_released from lapse.metrics m join lapse.metrics_daily d using (job) $$,
  row(6250000000, 6250000000), 'and so have the totals'
);
select is((select sum(reserved) from public.inventory), 0::bigint, 'all of it is released');

select * from finish();
rollback;
