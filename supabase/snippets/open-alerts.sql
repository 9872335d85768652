-- Which alerts are open?
--
-- Critical ones first. `code` is the number of the entry in docs/payments-ops.md. `closes` says whether the alert closes automatically when
-- its cause is gone, or waits for an operator: npm run lapse -- alerts.

select
  a.id, a.code, a.severity, a.message, a.object, a.cause, a.since, a.occurrences, a.command as next_command, a.advice,
  case k.nature when 'event' then 'by an operator, with a reason' else 'by itself' end as closes, a.stripe_url
from lapse.alerts a
left join lapse.alert_kinds k on k.code = a.code
where a.resolved_at is null
order by a.severity, a.since;
