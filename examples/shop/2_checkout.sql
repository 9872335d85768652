-- The checkout: placing and closing an order. Nothing here depends on Lapse.

-- Places an order and reserves its stock, in one transaction. p_items is [{"sku": "tea", "quantity": 2}, …]. With
-- p_order_id the call can be repeated: the second one returns the existing order. Raises PT409 if stock is short or
-- the order exists with other contents, 22023 for an invalid order.
create function public.place_order(
  p_currency text,
  p_amount bigint,
  p_items jsonb,
  p_payment_method text default 'card',
  p_channel text default 'web',
  p_expires_at timestamptz default null,
  p_order_id uuid default null,
  p_now timestamptz default now()
) returns public.orders
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_order public.orders;
  v_skus text[];
  v_quantities integer[];
  v_bad jsonb;
  v_short record;
begin
  if jsonb_typeof(p_items) is distinct from 'array' or jsonb_array_length(p_items) not between 1 and 1000 then
    raise exception 'Cannot place the order: p_items is not a list of articles' using errcode = '22023';
  end if;
  -- CASE, because only CASE guarantees that a quantity is read after it was checked to be a number.
  select item into v_bad
  from jsonb_array_elements(p_items) item
  where case
    when jsonb_typeof(item) <> 'object' then true
    when coalesce(jsonb_typeof(item -> 'sku'), '') <> 'string' or item ->> 'sku' = '' then true
    when coalesce(jsonb_typeof(item -> 'quantity'), '') <> 'number' then true
    else (item ->> 'quantity')::numeric not between 1 and 1000000 or (item ->> 'quantity')::numeric % 1 <> 0
  end
  limit 1;
  if found then
    raise exception 'Cannot place the order: % is not a sku with a whole quantity from 1 to 1000000',
      left(v_bad::text, 200) using errcode = '22023';
  end if;
  if not coalesce(p_currency ~ '^[a-z]{3}$', false) then
    raise exception 'Cannot place the order: % is not an ISO code in lower case', coalesce(p_currency, 'null')
      using errcode = '22023';
  end if;
  if p_amount is null or p_amount not between 0 and 9007199254740991 then
    raise exception 'Cannot place the order: its amount is %', coalesce(p_amount::text, 'null') using errcode = '22023';
  end if;
  if coalesce(p_payment_method, '') = '' or coalesce(p_channel, '') = '' then
    raise exception 'Cannot place the order: it needs a payment method and a channel' using errcode = '22023';
  end if;
  -- A deadline in 1970 means that seconds were passed as milliseconds.
  if p_expires_at not between p_now - interval '10 years' and p_now + interval '1 year' then
    raise exception 'Cannot place the order: its deadline % is years away', p_expires_at using errcode = '22023';
  end if;

  select array_agg(w.sku order by w.sku), array_agg(w.quantity order by w.sku) into v_skus, v_quantities
  from (
    select item ->> 'sku' as sku, sum((item ->> 'quantity')::numeric)::integer as quantity
    from jsonb_array_elements(p_items) item
    group by 1
  ) w;

  if p_order_id is not null then
    -- If the same call arrives twice at once, the second one waits here and then finds the first one's order.
    perform pg_advisory_xact_lock(hashtextextended(p_order_id::text, 0));
    select * into v_order from public.orders o where o.id = p_order_id;
    if found then
      if (v_order.amount, v_order.currency) is distinct from (p_amount, p_currency) then
        raise exception 'Cannot place order % again: it is over % %', p_order_id, v_order.amount, v_order.currency
          using errcode = 'PT409';
      end if;
      if (
        select (array_agg(r.sku order by r.sku), array_agg(r.quantity order by r.sku))
        from public.stock_reservations r where r.order_id = p_order_id
      ) is distinct from (v_skus, v_quantities) then
        raise exception 'Cannot place order % again: it has other articles', p_order_id using errcode = 'PT409';
      end if;
      return v_order;
    end if;
  end if;

  -- Every writer of inventory locks articles by ascending key, so that two may wait but never deadlock.
  perform from public.inventory i where i.sku = any (v_skus) order by i.sku for no key update;
  select w.sku, w.quantity, coalesce(i.on_hand - i.reserved, 0) as sellable into v_short
  from unnest(v_skus, v_quantities) as w (sku, quantity)
  left join public.inventory i using (sku)
  where coalesce(i.on_hand - i.reserved, 0) < w.quantity
  order by w.sku
  limit 1;
  if found then
    raise exception 'Cannot reserve % units of %: only % are left', v_short.quantity, v_short.sku, v_short.sellable
      using errcode = 'PT409';
  end if;

  insert into public.orders (id, currency, amount, payment_method, channel, created_at, expires_at)
  values (
    coalesce(p_order_id, gen_random_uuid()), p_currency, p_amount, p_payment_method, p_channel, p_now,
    coalesce(p_expires_at, p_now + case
      -- vouchers and bank transfers are paid days after they were chosen
      when p_payment_method in (
        'boleto', 'konbini', 'multibanco', 'oxxo', 'voucher', 'bank_transfer', 'customer_balance'
      )
        then interval '7 days'
      else interval '30 minutes'
    end)
  )
  returning * into v_order;

  insert into public.stock_reservations (order_id, sku, quantity)
  select v_order.id, w.sku, w.quantity from unnest(v_skus, v_quantities) as w (sku, quantity);
  update public.inventory i
  set reserved = i.reserved + w.quantity, updated_at = p_now
  from unnest(v_skus, v_quantities) as w (sku, quantity)
  where i.sku = w.sku;
  return v_order;
end;
$$;

comment on function public.place_order(text, bigint, jsonb, text, text, timestamptz, uuid, timestamptz) is
  'Places an order and reserves its stock. Amount in minor units. Called by the shop''s backend.';

-- Closes open orders: p_expired release their stock, p_paid sell it. Orders that are already closed stay unchanged.
-- The caller has locked the orders.
create function public.close_orders(p_expired uuid[], p_paid uuid[]) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_moved record;
begin
  with closed as (
    update public.orders o
    set status = case when o.id = any (p_paid) then 'paid' else 'expired' end,
        paid_at = case when o.id = any (p_paid) then now() end,
        expired_at = case when o.id = any (p_paid) then null else now() end
    where o.id = any (p_expired || p_paid) and o.status = 'pending'
    returning o.id, o.status
  ),
  moved as (
    update public.stock_reservations r
    set state = case c.status when 'paid' then 'consumed' else 'released' end
    from closed c
    -- The keys once more, for the index: without them a large batch reads the whole table.
    where r.order_id = any (p_expired || p_paid) and r.order_id = c.id and r.state = 'held'
    returning r.sku, r.quantity, r.state
  ),
  by_sku as (
    select m.sku, sum(m.quantity)::integer as units,
      coalesce(sum(m.quantity) filter (where m.state = 'consumed'), 0)::integer as sold
    from moved m
    group by m.sku
  )
  select array_agg(b.sku) as skus, array_agg(b.units) as units, array_agg(b.sold) as sold into v_moved from by_sku b;

  perform from public.inventory i where i.sku = any (v_moved.skus) order by i.sku for no key update;
  update public.inventory i
  set reserved = i.reserved - m.units, on_hand = i.on_hand - m.sold, updated_at = now()
  from unnest(v_moved.skus, v_moved.units, v_moved.sold) as m (sku, units, sold)
  where i.sku = m.sku;
end;
$$;

comment on function public.close_orders(uuid[], uuid[]) is
  'Closes open orders and moves their stock: back to the shelf, or out of the shop.';

-- Closes an order manually: paid in cash, or cancelled. Returns the order; one that is already closed stays unchanged.
create function public.close_order(p_order_id uuid, p_paid boolean) returns public.orders
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_order public.orders;
begin
  perform from public.orders o where o.id = p_order_id for no key update;
  perform public.close_orders(
    p_expired => case when p_paid then '{}' else array[p_order_id] end,
    p_paid => case when p_paid then array[p_order_id] else '{}' end
  );
  select * into v_order from public.orders o where o.id = p_order_id;
  return v_order;
end;
$$;

comment on function public.close_order(uuid, boolean) is
  'Closes an order by hand: paid in cash, or cancelled. Called by the shop''s backend.';

revoke execute on function public.close_orders(uuid[], uuid[]) from public, anon, authenticated, service_role;
revoke execute on function public.place_order(text, bigint, jsonb, text, text, timestamptz, uuid, timestamptz),
  public.close_order(uuid, boolean)
  from public, anon, authenticated;
grant execute on function public.place_order(text, bigint, jsonb, text, text, timestamptz, uuid, timestamptz),
  public.close_order(uuid, boolean)
  to service_role;
