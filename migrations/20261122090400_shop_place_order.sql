-- place_order: an order, its reservations and the reserved stock in one transaction.
--
-- Called by the shop's backend (secret key). p_items is [{"sku": "...", "quantity": 2}, …]. Passing p_order_id makes the call
-- repeatable: the second call with the same id, amount and currency returns the order that exists.
-- Raises PT409 when stock is short, 22023 when an argument cannot be used, no_data_found without a default policy.

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
set search_path = ''
as $$
declare
  v_order public.orders;
  v_policy public.expiry_policies;
  v_short record;
  v_bad jsonb;
begin
  if p_order_id is not null then
    -- The same call twice at the same moment: the second one waits here and then finds the order of the first.
    perform pg_advisory_xact_lock(hashtextextended(p_order_id::text, 0));
    select * into v_order from public.orders o where o.id = p_order_id;
    if found then
      if (v_order.amount, v_order.currency) is distinct from (p_amount, p_currency) then
        raise exception 'Cannot place order % again as its amount or currency differs: current value is % %',
          p_order_id, v_order.amount, v_order.currency using errcode = 'PT409';
      end if;
      return v_order;
    end if;
  end if;

  if jsonb_typeof(p_items) is distinct from 'array' or jsonb_array_length(p_items) = 0 then
    raise exception 'Cannot place order as p_items is not a list of sku and quantity: current value is %',
      coalesce(jsonb_typeof(p_items), 'null') using errcode = 'invalid_parameter_value';
  end if;

  -- CASE, because only CASE promises that a quantity is looked at after it is known to be a number.
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
    raise exception 'Cannot place order as an item is not a sku and a whole quantity from 1 to 1000000: current value is %',
      left(v_bad::text, 200) using errcode = 'invalid_parameter_value';
  end if;

  -- Stripe's and JavaScript's largest whole number, whichever is smaller: what nobody can read must not be stored.
  if p_currency is null or p_currency !~ '^[a-z]{3}$' or p_amount is null or p_amount not between 0 and 9007199254740991 then
    raise exception 'Cannot place order as amount or currency (ISO code in lower case) cannot be used: current value is % %',
      p_amount, p_currency using errcode = 'invalid_parameter_value';
  end if;

  if coalesce(p_payment_method, '') = '' or coalesce(p_channel, '') = '' then
    raise exception 'Cannot place order without a payment method and a channel: current value is % %', p_payment_method, p_channel
      using errcode = 'invalid_parameter_value';
  end if;

  -- A past deadline is one to close at the next tick; one of 1970 is seconds taken for milliseconds.
  if p_expires_at not between p_now - interval '10 years' and p_now + interval '1 year' then
    raise exception 'Cannot place order with a deadline more than a year ahead or ten years back: current value is %', p_expires_at
      using errcode = 'invalid_parameter_value';
  end if;

  select * into v_policy
  from public.expiry_policies p
  where (p.payment_method is null or p.payment_method = p_payment_method)
    and (p.channel is null or p.channel = p_channel)
  order by (p.payment_method is not null) desc, (p.channel is not null) desc
  limit 1;
  if not found then
    raise exception 'Cannot place order as no expiry policy matches: current value is % %', p_payment_method, p_channel
      using errcode = 'no_data_found';
  end if;

  -- Every writer of inventory locks its rows in the order of their SKU, so that two of them can wait but never deadlock.
  perform from public.inventory i
  where i.sku in (select item ->> 'sku' from jsonb_array_elements(p_items) item)
  order by i.sku
  for update;

  -- what the order asks for, one row per SKU
  with wanted as (
    select item ->> 'sku' as sku, sum((item ->> 'quantity')::integer) as quantity
    from jsonb_array_elements(p_items) item
    group by 1
  )
  select w.sku, w.quantity, coalesce(i.on_hand - i.reserved, 0) as sellable into v_short
  from wanted w
  left join public.inventory i using (sku)
  where coalesce(i.on_hand - i.reserved, 0) < w.quantity
  order by w.sku
  limit 1;
  if found then
    raise exception 'Cannot reserve % units of % as stock is short: current value is %',
      v_short.quantity, v_short.sku, v_short.sellable using errcode = 'PT409';
  end if;

  insert into public.orders (
    id, currency, amount, payment_method, channel, created_at, expires_at, grace, next_check_at
  )
  values (
    coalesce(p_order_id, gen_random_uuid()), p_currency, p_amount, p_payment_method, p_channel, p_now,
    coalesce(p_expires_at, p_now + v_policy.time_to_pay), v_policy.grace,
    coalesce(p_expires_at, p_now + v_policy.time_to_pay) + v_policy.grace
  )
  returning * into v_order;

  -- reservations and the stock they take, from the same list
  with wanted as (
    select item ->> 'sku' as sku, sum((item ->> 'quantity')::integer)::integer as quantity
    from jsonb_array_elements(p_items) item
    group by 1
  ), reserved as (
    insert into public.stock_reservations (order_id, sku, quantity)
    select v_order.id, w.sku, w.quantity from wanted w
    returning sku, quantity
  )
  update public.inventory i
  set reserved = i.reserved + r.quantity, updated_at = p_now
  from reserved r
  where i.sku = r.sku;

  return v_order;
end;
$$;

comment on function public.place_order(text, bigint, jsonb, text, text, timestamptz, uuid, timestamptz) is
  'Places an order and reserves its stock, in one transaction. Amount in minor units. Called by the shop''s backend.';

revoke all on function public.place_order(text, bigint, jsonb, text, text, timestamptz, uuid, timestamptz)
  from public, anon, authenticated;
grant execute on function public.place_order(text, bigint, jsonb, text, text, timestamptz, uuid, timestamptz)
  to service_role;
