-- The shop's adapter for Lapse: five functions, two triggers. The checkout attaches its payments itself, by
-- lapse_attach_payment.

create function lapse_shop.contract_version() returns integer
language sql immutable
set search_path = pg_catalog, pg_temp
as 'select 1';

-- Converts each ref to a key, or to null if it is not a uuid. (One pattern with counts would take four times as long.)
create function lapse_shop.keys(p_refs text[]) returns uuid[]
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select array(
    select case
      when r like '________-____-____-____-____________' and r ~ '^[0-9A-Fa-f-]*$' and length(replace(r, '-', '')) = 32
        then r::uuid
    end
    from unnest(p_refs) r
  );
$$;

create function lapse_shop.lock_orders(p_refs text[], p_wait boolean)
returns table (ref text, state text, units bigint, stripe_ids text[])
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_keys uuid[] := lapse_shop.keys(p_refs);
  v_reported integer;
begin
  perform from public.orders o where p_wait and o.id = any (v_keys) order by o.id for no key update;
  return query
  with asked as (
    select * from unnest(p_refs, v_keys) a (ref, key)
  ),
  locked as (
    select o.id, o.status from public.orders o where o.id = any (v_keys) order by o.id for no key update skip locked
  ),
  held as (
    select r.order_id, sum(r.quantity) as units
    from public.stock_reservations r
    where r.order_id = any (v_keys) and r.state = 'held'
    group by r.order_id
  )
  select a.ref, case l.status when 'pending' then 'open' when 'paid' then 'paid' else 'closed' end,
    coalesce(h.units, 0), '{}'::text[]
  from locked l
  join asked a on a.key = l.id
  left join held h on h.order_id = l.id;

  get diagnostics v_reported = row_count;
  if v_reported < cardinality(p_refs) then
    return query
    select a.ref, 'gone', 0::bigint, '{}'::text[]
    from unnest(p_refs, v_keys) a (ref, key)
    where not exists (select from public.orders o where o.id = a.key);
  end if;
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
    select * from public.orders where status = 'pending' and id = any (lapse_shop.keys(p_refs))
  ) o;
$$;

-- Money arrived for an expired order: this reserves its stock again, all lines or none.
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
  for each row when (
    old.status = 'pending' and new.status <> 'pending' and current_setting('lapse.settling', true) is distinct from 'on'
  )
  execute function lapse.tg_follow('id', 'status', 'paid');
