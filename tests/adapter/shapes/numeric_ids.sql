-- Numbers as keys, a table with a reserved name, two open states, carts in the same table, some articles that are not counted.
create table public.product (id bigint primary key, name text, track_inventory boolean not null default true, stock integer not null);
create table public."order" (
  id bigint generated always as identity (start with 9007199254740993) primary key,
  key text unique,
  status character varying(20) not null default 'pending',
  total_cents integer not null,
  created_at timestamptz not null default now(),
  pay_until timestamptz not null,
  paid_at timestamptz,
  cancelled_at timestamptz,
  payment_intent character varying(100),
  check ((status = 'cancelled') = (cancelled_at is not null))
);
create table public.order_line (order_id bigint references public."order" on delete cascade, product_id bigint, quantity integer);
create index on public.order_line (order_id);
insert into public.product values (1, 'Tea', true, 1000), (2, 'Voucher', false, 0);

create function public.test_place(p_key text, p_units integer, p_minutes_ago integer, p_payment text) returns text
language plpgsql as $$
declare
  v_id bigint;
begin
  insert into public."order" (key, status, total_cents, created_at, pay_until, payment_intent)
  values (
    p_key, 'cart', 2000, now() - make_interval(mins => p_minutes_ago), now() - make_interval(mins => p_minutes_ago - 30), p_payment
  )
  returning id into v_id;
  insert into public.order_line values (v_id, 1, p_units), (v_id, 2, 7), (v_id, null, 1);
  update public."order" set status = 'pending' where id = v_id;
  update public."order" set status = 'payment_failed' where id = v_id;
  update public.product set stock = stock - p_units where id = 1;
  return v_id;
end;
$$;
create function public.test_close(p_key text, p_paid boolean) returns void language sql as $$
  update public.product set stock = stock + l.quantity
  from public.order_line l join public."order" o on o.id = l.order_id where o.key = p_key and l.product_id = 1 and product.id = 1 and not p_paid;
  update public."order"
  set status = case when p_paid then 'refunded' else 'cancelled' end, cancelled_at = case when not p_paid then now() end
  where key = p_key;
$$;
create function public.test_delete(p_key text) returns void language sql as $$ delete from public."order" where key = p_key $$;
create view public.test_orders as
  select key, id::text as ref,
    case when status in ('pending', 'payment_failed') then 'open' when status = 'cancelled' then 'closed' else 'paid' end as state
  from public."order";
create view public.test_stock as select stock as free from public.product where id = 1;
