-- The shop's adapter for Lapse: five functions, two triggers. The checkout attaches its payments itself, by
-- lapse_attach_payment.

create function lapse_shop.contract_version() returns integer
language sql immutable
set search_path = pg_catalog, pg_temp
as 'select 1';

-- The keys in a list of refs. What is no uuid is no order.
create function lapse_shop.ids(p_refs text[]) returns uuid[]
language sql immutable
set search_path = pg_catalog, pg_temp
as $$ select array(select r::uuid from unnest(p_refs) r where r ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$') $$;

create function lapse_shop.lock_orders(p_refs text[], p_wait boolean)
returns table (ref text, state text, units bigint, stripe_ids text[])
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_ids uuid[] := lapse_shop.ids(p_refs);
  v_locked uuid[];
begin
  if p_wait then
    v_locked := array(select o.id from public.orders o where o.id = any (v_ids) order by o.id for no key update);
  else
    v_locked := array(
      select o.id from public.orders o where o.id = any (v_ids) order by o.id for no key update skip locked
    );
  end if;
  return query
  select a.ref,
    case o.status when 'pending' then 'open' when 'paid' then 'paid' when 'expired' then 'closed' else 'gone' end,
    (select sum(r.quantity) from public.stock_reservations r where r.order_id = o.id and r.state = 'held'), '{}'::text[]
  from unnest(p_refs) as a (ref)
  left join public.orders o on o.id::text = lower(a.ref) and o.id = any (v_ids)
  where o.id is null or o.id in (select unnest(v_locked));
end;
$$;

create function lapse_shop.finish_orders(p_expired text[], p_paid text[]) returns void
language sql
set search_path = pg_catalog, pg_temp
as $$ select public.close_orders(p_expired => p_expired::uuid[], p_paid => p_paid::uuid[]) $$;

create function lapse_shop.open_orders(p_refs text[] default null)
returns table (
  ref text, placed_at timestamptz, deadline timestamptz, amount bigint, currency text, account text, stripe_ids text[]
)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select o.id::text, o.created_at, o.expires_at, o.amount, o.currency, null::text, '{}'::text[]
  from (
    select * from public.orders where status = 'pending' and p_refs is null
    union all
    select * from public.orders where status = 'pending' and id = any (lapse_shop.ids(p_refs))
  ) o;
$$;

-- Money arrived for an expired order: its stock is taken again, all of it or nothing.
create function lapse_shop.revive_order(p_ref text) returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  perform from public.orders o where o.id = p_ref::uuid and o.status = 'expired' for no key update;
  if not found then
    return false;
  end if;
  perform from public.inventory i
  where i.sku in (select r.sku from public.stock_reservations r where r.order_id = p_ref::uuid)
  order by i.sku
  for no key update;
  if exists (
    select from public.stock_reservations r join public.inventory i using (sku)
    where r.order_id = p_ref::uuid and i.on_hand - i.reserved < r.quantity
  ) then
    return false;
  end if;
  update public.inventory i
  set on_hand = i.on_hand - r.quantity, updated_at = now()
  from public.stock_reservations r
  where r.order_id = p_ref::uuid and r.sku = i.sku;
  update public.stock_reservations r set state = 'consumed' where r.order_id = p_ref::uuid;
  update public.orders o set status = 'paid', expired_at = null, paid_at = now() where o.id = p_ref::uuid;
  return true;
end;
$$;

create trigger lapse_watches after insert or update of amount, currency, expires_at on public.orders
  for each row when (new.status = 'pending')
  execute function lapse.tg_watch(
    'id', 'amount', 'currency', 'expires_at', 'method=payment_method', 'channel=channel', 'placed_at=created_at'
  );
create trigger lapse_follows after update of status on public.orders
  for each row when (old.status = 'pending' and new.status <> 'pending')
  execute function lapse.tg_follow('id', 'status', 'paid');
