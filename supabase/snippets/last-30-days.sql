-- What did the jobs do on each of the last 30 days?
--
-- One row per UTC day, also for days without activity. Chart orders_expired, stock_released or orders_paid over day.

select
  d.day::date as day,
  coalesce(sum(m.orders_expired), 0) as orders_expired,
  coalesce(sum(m.stock_released), 0) as stock_released,
  coalesce(sum(m.payment_intents_canceled), 0) as payment_intents_canceled,
  coalesce(sum(m.orders_paid), 0) as orders_paid,
  coalesce(sum(m.orders_quarantined), 0) as orders_quarantined,
  coalesce(sum(m.late_payments), 0) as late_payments,
  coalesce(sum(m.runs), 0) as runs,
  coalesce(sum(m.runs_failed), 0) as runs_failed
from generate_series((now() at time zone 'UTC')::date - 29, (now() at time zone 'UTC')::date, interval '1 day') as d (day)
left join lapse.metrics_daily m on m.day = d.day::date
group by d.day
order by d.day;
