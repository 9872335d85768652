-- What did we release today, by SKU?
--
-- Units that went back on the shelf since midnight UTC, from the orders that runs closed unpaid. `orders` counts the orders behind them.
-- It adds up to stock_released of today's row in job_metrics_daily. ("offset 0" keeps the planner to one look-up per run and order,
-- however large the tables are.)

select s.sku, sum(s.quantity) as units_released, count(*) as orders, i.on_hand - i.reserved as sellable_now
from public.job_runs r
cross join lateral (
  select d.order_id
  from public.job_decisions d
  where d.run_id = r.id and d.subject = 'order' and d.outcome = 'expired' and d.decided_at >= date_trunc('day', now(), 'UTC')
  offset 0
) d
cross join lateral (
  select s.sku, s.quantity from public.stock_reservations s where s.order_id = d.order_id and s.state = 'released' offset 0
) s
join public.inventory i using (sku)
-- A run lasts minutes; one of yesterday may have closed orders after midnight.
where r.job = 'expire-stale-orders' and r.created_at >= date_trunc('day', now(), 'UTC') - interval '2 hours'
group by s.sku, i.on_hand, i.reserved
order by units_released desc;
