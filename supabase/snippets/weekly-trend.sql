-- How do the weeks compare?
--
-- The last twelve weeks (Monday to Sunday, UTC), the current, incomplete one last. Chart orders_expired and stock_released over
-- week. Look for: orders_paid that grows (webhooks get lost), orders_quarantined and late_payments that are not zero, runs_failed, a week
-- with fewer runs than the others.

select
  w.week::date as week,
  coalesce(sum(d.orders_expired), 0) as orders_expired,
  coalesce(sum(d.stock_released), 0) as stock_released,
  coalesce(sum(d.payment_intents_canceled), 0) as payment_intents_canceled,
  coalesce(sum(d.checkout_sessions_expired), 0) as checkout_sessions_expired,
  coalesce(sum(d.orders_paid), 0) as orders_paid,
  coalesce(sum(d.orders_quarantined), 0) as orders_quarantined,
  coalesce(sum(d.late_payments), 0) as late_payments,
  coalesce(sum(d.runs), 0) as runs,
  coalesce(sum(d.runs_failed), 0) as runs_failed,
  round(sum(d.execution_time) / 1000.0 / nullif(sum(d.runs), 0), 1) as seconds_per_run
from generate_series(
  date_trunc('week', now() at time zone 'UTC') - interval '11 weeks', date_trunc('week', now() at time zone 'UTC'), interval '1 week'
) as w (week)
left join lapse.metrics_daily d on d.day >= w.week::date and d.day < w.week::date + 7
group by w.week
order by w.week;
