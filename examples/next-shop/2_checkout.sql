-- The shop's own checkout and webhook, as database functions its server calls with the secret key.

-- Places an order and takes its stock. p_items is [{"variant": 1, "quantity": 2}, …].
create function public.checkout(p_id text, p_total numeric, p_currency text, p_items jsonb) returns text
language plpgsql
as $$
begin
  insert into public.orders (id, total, currency) values (p_id, p_total, p_currency);
  insert into public.order_items (order_id, variant_id, quantity)
  select p_id, (i ->> 'variant')::bigint, (i ->> 'quantity')::integer from jsonb_array_elements(p_items) i;

  perform from public.variants v
  where v.id in (select i.variant_id from public.order_items i where i.order_id = p_id)
  order by v.id
  for no key update;
  update public.variants v
  set stock_quantity = v.stock_quantity - i.units
  from (select variant_id, sum(quantity) as units from public.order_items where order_id = p_id group by variant_id) i
  where v.id = i.variant_id;
  return p_id;
end;
$$;

-- What the shop's webhook does when Stripe says that a payment succeeded.
create function public.payment_succeeded(p_id text, p_intent text) returns void
language sql
as $$
  update public.orders
  set state = 'paid', stripe_payment_intent_id = coalesce(p_intent, stripe_payment_intent_id)
  where id = p_id and state = 'awaiting_payment';
$$;

revoke all on function public.checkout(text, numeric, text, jsonb), public.payment_succeeded(text, text)
  from public, anon, authenticated;
grant execute on function public.checkout(text, numeric, text, jsonb), public.payment_succeeded(text, text) to service_role;
