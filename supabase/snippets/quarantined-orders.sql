-- Which orders are quarantined, and why?
--
-- They wait for an operator: nothing is cancelled, and their stock is held. `reason` has an entry in docs/payments-ops.md, `since` is when a run
-- gave up. Fix the cause, then: npm run lapse -- redrive REF --reason "…". At most 500 orders, the oldest first.

with quarantined as (
  select o.* from lapse.orders o where o.status = 'quarantined' order by o.ref limit 500
)
select o.ref, o.reason, d.decided_at as since, o.placed_at, o.amount, o.currency, o.failures, p.payments
from quarantined o
left join lateral (
  select d.decided_at
  from lapse.decisions d
  where d.ref = o.ref and d.subject = 'order' and d.outcome = 'quarantined'
  order by d.id desc
  limit 1
) d on true
left join lateral (
  select string_agg(format('%s %s %s', p.stripe_id, p.state, coalesce(p.reason, '')), '; ' order by p.attached_at) as payments
  from lapse.payments p
  where p.ref = o.ref
) p on true
order by o.placed_at;
