-- How far are Stripe's lists read?
--
-- One row per account, mode and list. Every payment made between `read_from` and `read_to` that names an order is recorded. Orders are
-- closed only if both lists of their account were read past their due time and to within five minutes of the run's start, so a list
-- that fails (`error`, since `failing_since`) holds back `orders_held_back`: L020 in docs/payments-ops.md. Lists are read only while orders are due, so an old `read_to` alone is not a problem.

select
  coalesce(nullif(c.account, ''), 'the platform itself') as account,
  case when c.livemode then 'live' else 'test' end as mode,
  c.list,
  c.read_from,
  c.read_to,
  c.failing_since,
  c.error,
  c.proven_at as last_seen_an_order_of_ours,
  (
    select count(*)
    from lapse.orders o
    where o.status in ('pending', 'expiring') and o.next_check_at <= now() and o.account = c.account
      and (o.next_check_at >= c.read_to or c.failing_since is not null)
  ) as orders_held_back
from lapse.list_cursors c
order by c.failing_since, c.account, mode, c.list;
