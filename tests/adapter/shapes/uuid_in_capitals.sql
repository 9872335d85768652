-- uuids as keys, which the shop writes in capitals at Stripe; times without a zone; a connected account for each order.
create type public.sale_state as enum ('open', 'done', 'void');
create table public.stock (sku text primary key, available bigint not null check (available >= 0));
create table public.sales (
  id uuid primary key default gen_random_uuid(),
  key text unique,
  state public.sale_state not null default 'open',
  cents bigint not null,
  currency char(3) not null default 'EUR',
  seller text,
  placed timestamp without time zone not null,
  checkout_session text
);
create table public.sale_lines (sale_id uuid references public.sales on delete cascade, sku text references public.stock, pieces numeric(10, 0));
create index on public.sale_lines (sale_id, sku);
insert into public.stock values ('tea', 1000);

create function public.test_place(p_key text, p_units integer, p_minutes_ago integer, p_payment text) returns text
language plpgsql as $$
declare
  v_id uuid;
begin
  insert into public.sales (key, cents, placed, checkout_session)
  values (p_key, 2000, (now() - make_interval(mins => p_minutes_ago)) at time zone 'UTC', p_payment) returning id into v_id;
  insert into public.sale_lines values (v_id, 'tea', p_units);
  update public.stock set available = available - p_units where sku = 'tea';
  return upper(v_id::text);
end;
$$;
create function public.test_close(p_key text, p_paid boolean) returns void language sql as $$
  update public.stock set available = available + l.pieces
  from public.sale_lines l join public.sales s on s.id = l.sale_id where s.key = p_key and stock.sku = l.sku and not p_paid;
  update public.sales set state = case when p_paid then 'done' else 'void' end::public.sale_state where key = p_key;
$$;
create function public.test_delete(p_key text) returns void language sql as $$ delete from public.sales where key = p_key $$;
create view public.test_orders as
  select key, id::text as ref, case state when 'open' then 'open' when 'void' then 'closed' else 'paid' end as state from public.sales;
create view public.test_stock as select available as free from public.stock;
