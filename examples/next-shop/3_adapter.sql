-- The adapter between this shop and Lapse. Lapse's updates never change it.

create index orders_awaiting_payment_idx on public.orders (id) where state = 'awaiting_payment';

create function lapse_shop.contract_version() returns integer
language sql immutable
set search_path = pg_catalog, pg_temp
as $$ select 1 $$;

create function lapse_shop.lock_orders(p_refs text[], p_wait boolean)
returns table (ref text, state text, units bigint, stripe_ids text[])
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_missing text[] := array(
    select r from unnest(p_refs) r where not exists (select from public.orders o where o.id = r)
  );
  v_ids text[];
begin
  if p_wait then
    v_ids := array(select o.id from public.orders o where o.id = any (p_refs) order by o.id for no key update);
  else
    v_ids := array(
      select o.id from public.orders o where o.id = any (p_refs) order by o.id for no key update skip locked
    );
  end if;
  return query
  select o.id, case o.state when 'awaiting_payment' then 'open' when 'cancelled' then 'closed' else 'paid' end,
    coalesce((select sum(i.quantity) from public.order_items i where i.order_id = o.id), 0)::bigint,
    array_remove(array[o.stripe_checkout_session_id, o.stripe_payment_intent_id], null)
  from public.orders o
  where o.id = any (v_ids)
  union all
  select r, 'gone', 0::bigint, '{}'::text[] from unnest(v_missing) r;
end;
$$;

create function lapse_shop.finish_orders(p_expired text[], p_paid text[]) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_expired text[];
begin
  with closed as (
    update public.orders o set state = 'cancelled'
    where o.id = any (p_expired) and o.state = 'awaiting_payment'
    returning o.id
  )
  select array_agg(c.id) into v_expired from closed c;
  update public.orders o set state = 'paid' where o.id = any (p_paid) and o.state = 'awaiting_payment';

  perform from public.variants v
  where v.id in (select i.variant_id from public.order_items i where i.order_id = any (v_expired))
  order by v.id
  for no key update;
  update public.variants v
  set stock_quantity = v.stock_quantity + i.units
  from (
    select variant_id, sum(quantity) as units from public.order_items where order_id = any (v_expired) group by variant_id
  ) i
  where v.id = i.variant_id;
end;
$$;

create function lapse_shop.open_orders(p_refs text[] default null)
returns table (
  ref text, placed_at timestamptz, deadline timestamptz, amount bigint, currency text, account text, stripe_ids text[]
)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select o.id, o.created_at, o.created_at + interval '30 minutes', (o.total * 100)::bigint, lower(o.currency), null,
    array_remove(array[o.stripe_checkout_session_id, o.stripe_payment_intent_id], null)
  from public.orders o
  where o.state = 'awaiting_payment' and (p_refs is null or o.id = any (p_refs));
$$;

-- The shop's own code stays as it is: triggers tell Lapse what it does.
create trigger lapse_watches after insert or update of total, currency on public.orders
  for each row when (new.state = 'awaiting_payment')
  execute function lapse.tg_watch('id', 'total', 'currency', '30 minutes', 'unit=major', 'placed_at=created_at');
create trigger lapse_attaches after insert or update of stripe_checkout_session_id, stripe_payment_intent_id on public.orders
  for each row when (new.state = 'awaiting_payment')
  execute function lapse.tg_attach('id', 'stripe_checkout_session_id', 'stripe_payment_intent_id');
create trigger lapse_follows after update of state on public.orders
  for each row when (old.state = 'awaiting_payment' and new.state <> 'awaiting_payment')
  execute function lapse.tg_follow('id', 'state', 'paid', 'shipped');
create trigger lapse_follows_deletes after delete on public.orders
  for each row when (old.state = 'awaiting_payment')
  execute function lapse.tg_follow('id', 'state', 'paid', 'shipped');
