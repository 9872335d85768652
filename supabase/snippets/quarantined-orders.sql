-- Which orders are quarantined, and why?
--
-- Set aside for a person: nothing was ended, their stock is still held. `reason` has an entry in docs/payments-ops.md, `since` is when a
-- run gave up. Mend the cause, then redrive: npm run jobs:redrive -- ID --reason "…". At most 500, oldest order first.

with set_aside as (
  select o.* from public.orders o where o.status = 'quarantined' order by o.id limit 500
)
select
  o.id, o.status_reason as reason, d.decided_at as since, o.created_at as placed_at, o.amount, o.currency, o.failures, r.units_held,
  p.payments
from set_aside o
left join lateral (
  select d.decided_at
  from public.job_decisions d
  where d.order_id = o.id and d.subject = 'order' and d.outcome = 'quarantined'
  order by d.id desc
  limit 1
) d on true
left join lateral (
  select sum(r.quantity) as units_held from public.stock_reservations r where r.order_id = o.id and r.state = 'held'
) r on true
left join lateral (
  select string_agg(format('%s %s %s', p.stripe_id, p.state, coalesce(p.reason, '')), '; ' order by p.created_at) as payments
  from public.order_payments p
  where p.order_id = o.id
) p on true
order by o.created_at;
