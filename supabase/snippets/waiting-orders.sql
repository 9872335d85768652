-- What are the open orders waiting for?
--
-- Open orders by the reason of their last decision: how many, since when the oldest has waited, and when Lapse checks next. No reason: not
-- due yet and not inspected. Reads open orders only, however many closed ones there are.

select
  o.status, coalesce(o.reason, 'not due yet') as reason, count(*) as orders, min(o.due_since) as waiting_since,
  min(o.next_check_at) as next_check_at, count(*) filter (where o.next_check_at <= now()) as due_now
from lapse.orders o
where o.status in ('pending', 'expiring')
group by o.status, o.reason
order by orders desc;
