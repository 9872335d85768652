-- What are the open orders waiting for?
--
-- Open orders by the reason of their last decision: how many, since when the oldest was placed, when the job looks next. No reason: not
-- due yet, nobody has looked. Reads open orders only, however many closed ones there are.

select
  o.status, coalesce(o.status_reason, 'not due yet') as reason, count(*) as orders, min(o.created_at) as oldest_placed_at,
  min(o.next_check_at) as next_check_at, count(*) filter (where o.next_check_at <= now()) as due_now
from public.orders o
where o.status in ('pending', 'expiring')
group by o.status, o.status_reason
order by orders desc;
