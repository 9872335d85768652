-- The shop behind the watch: what the watch knows of the shop's tables, next to the shop behind the jobs.
--
-- A shop with tables of its own writes these two functions anew, like those of the shop's port.

create index order_payments_open_idx on public.order_payments (order_id) where state = 'open';

-- Contract: how many orders are set aside for an operator, and some of their ids.
create function jobs.shop_quarantined() returns table (orders integer, examples uuid[])
language sql stable
set search_path = ''
as $$
  select count(*)::integer, (array_agg(o.id order by o.id))[1:5] from public.orders o where o.status = 'quarantined';
$$;

comment on function jobs.shop_quarantined() is 'Orders that are set aside, and examples.';

-- Contract: one row for each broken promise about orders and stock: its name, what is wrong in a sentence, and examples. No row when all
-- is well. Reads open orders, their payments and reservations, and the inventory; closed orders cost nothing.
create function jobs.shop_broken_invariants() returns table (name text, message text, examples jsonb)
language sql stable
set search_path = ''
as $$
  with held as (
    select r.sku, sum(r.quantity) as quantity from public.stock_reservations r where r.state = 'held' group by r.sku
  ),
  wrong_stock as (
    select i.sku, i.reserved, coalesce(h.quantity, 0) as held
    from public.inventory i
    left join held h using (sku)
    where i.reserved <> coalesce(h.quantity, 0)
  ),
  held_by_closed as (
    select distinct r.order_id
    from public.stock_reservations r
    join public.orders o on o.id = r.order_id
    where r.state = 'held' and o.status in ('expired', 'paid')
  ),
  -- a payment reported after the expiry is `paid` and has an alert of its own; one that may still be paid must not exist
  open_on_expired as (
    select p.stripe_id
    from public.order_payments p
    join public.orders o on o.id = p.order_id
    where p.state = 'open' and o.status = 'expired'
  )
  select 'stock', format('Reserved stock differs from what open orders hold for %s SKUs', count(*)),
    to_jsonb((array_agg(to_jsonb(w)))[1:5])
  from wrong_stock w
  having count(*) > 0
  union all
  select 'closed_orders', format('%s closed orders still hold stock', count(*)), to_jsonb((array_agg(h.order_id))[1:5])
  from held_by_closed h
  having count(*) > 0
  union all
  select 'expired_orders', format('%s payments of expired orders are not recorded dead', count(*)),
    to_jsonb((array_agg(o.stripe_id))[1:5])
  from open_on_expired o
  having count(*) > 0;
$$;

comment on function jobs.shop_broken_invariants() is 'Promises about orders and stock that do not hold.';

revoke all on all functions in schema jobs from public;
