-- What did the last run do?
--
-- The last run of each job that worked, and its decisions by outcome and reason; docs/payments-ops.md explains every reason. Outcomes
-- of orders: expired, paid, waiting, retry, quarantined; of payments: canceled, found_dead, found_paid, kept, late_payment. A run without
-- decisions found nothing to do.

with last_run as (
  select r.*
  from lapse.metrics m
  cross join lateral (
    select *
    from lapse.runs r
    where r.job = m.job and not r.dry_run and r.status in ('running', 'succeeded', 'partial', 'failed', 'braked', 'lost')
    order by r.created_at desc
    limit 1
  ) r
)
select
  r.job, r.id as run_id, r.status, r.trigger, r.started_at, r.duration_ms, r.stripe_calls, r.error,
  d.subject, d.outcome, d.reason, d.decisions, d.units_released
from last_run r
left join lateral (
  select d.subject, d.outcome, d.reason, count(*) as decisions, sum(d.units_released) as units_released
  from lapse.decisions d
  where d.run_id = r.id
  group by d.subject, d.outcome, d.reason
) d on true
order by r.job desc, d.decisions desc;
