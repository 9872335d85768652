-- What was released today, hour by hour?
--
-- Orders that runs have closed unpaid since midnight UTC, with their units and what they were worth in the currency's minor unit. It adds
-- up to stock_released of today's row in lapse.metrics_daily. `unknown_amounts` counts orders whose amount the shop does not know.

select
  date_trunc('hour', d.decided_at) as hour,
  coalesce(o.currency, '?') as currency,
  count(*) as orders,
  sum(d.units_released) as units_released,
  sum(o.amount) as worth,
  count(*) filter (where o.amount is null) as unknown_amounts
from lapse.runs r
-- A run lasts minutes; one of yesterday may have closed orders after midnight. "offset 0" keeps the planner to one look-up per run.
cross join lateral (
  select d.ref, d.units_released, d.decided_at
  from lapse.decisions d
  where d.run_id = r.id and d.subject = 'order' and d.outcome = 'expired' and d.decided_at >= date_trunc('day', now(), 'UTC')
  offset 0
) d
left join lapse.orders o on o.ref = d.ref
where r.job = 'expire-stale-orders' and r.created_at >= date_trunc('day', now(), 'UTC') - interval '2 hours'
group by hour, o.currency
order by hour, currency;
