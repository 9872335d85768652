-- What the tests do in examples/next-shop.
insert into public.variants (title, stock_quantity) values ('Tea', 1000), ('Mug', 1000);

create function public.test_place(p_key text, p_units integer, p_minutes_ago integer, p_payment text) returns text
language plpgsql as $$
begin
  insert into public.orders (id, total, currency, created_at, stripe_payment_intent_id)
  values (p_key, 20.00, 'EUR', now() - make_interval(mins => p_minutes_ago), p_payment);
  insert into public.order_items (order_id, variant_id, quantity) values (p_key, 1, 1), (p_key, 2, p_units - 2), (p_key, 2, 1);
  update public.variants set stock_quantity = stock_quantity - 1 where id = 1;
  update public.variants set stock_quantity = stock_quantity - p_units + 1 where id = 2;
  return p_key;
end;
$$;
create function public.test_close(p_key text, p_paid boolean) returns void language sql as $$
  update public.variants set stock_quantity = stock_quantity + i.units
  from (select variant_id, sum(quantity) as units from public.order_items where order_id = p_key and not p_paid group by 1) i
  where id = i.variant_id;
  update public.orders set state = case when p_paid then 'shipped' else 'cancelled' end::public.order_state where id = p_key;
$$;
create function public.test_delete(p_key text) returns void language sql as $$ delete from public.orders where id = p_key $$;
create view public.test_orders as
  select id as key, id as ref, case state when 'awaiting_payment' then 'open' when 'cancelled' then 'closed' else 'paid' end as state from public.orders;
create view public.test_stock as select sum(stock_quantity) as free from public.variants;
