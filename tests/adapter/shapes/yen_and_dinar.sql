-- Prices as numeric in currencies without a point and with three digits after it; names in mixed case, as an ORM writes them.
create type public."OrderStatus" as enum ('PENDING', 'PAID', 'CANCELED');
create table public."Product" ("id" text primary key, "stockCount" integer not null);
create table public."Order" (
  "id" text primary key,
  "status" public."OrderStatus" not null default 'PENDING',
  "totalAmount" numeric(12, 3) not null,
  "currencyCode" character varying(3) not null,
  "createdAt" timestamp(3) without time zone not null,
  "stripePaymentIntentId" text
);
create table public."OrderItem" (
  "id" text primary key default gen_random_uuid(),
  "orderId" text not null references public."Order" on delete cascade,
  "productId" text,
  "quantity" integer not null,
  "isPhysical" boolean not null
);
create index on public."OrderItem" ("orderId");
insert into public."Product" values ('tea', 1000), ('e-book', 5);

create function public.test_place(p_key text, p_units integer, p_minutes_ago integer, p_payment text) returns text
language plpgsql as $$
declare
  v_dinar boolean := length(p_key) % 2 = 0;
begin
  insert into public."Order" ("id", "totalAmount", "currencyCode", "createdAt", "stripePaymentIntentId")
  values (
    p_key, case when v_dinar then 2.000 else 2000 end, case when v_dinar then 'KWD' else 'JPY' end,
    (now() - make_interval(mins => p_minutes_ago)) at time zone 'UTC', p_payment
  );
  insert into public."OrderItem" ("orderId", "productId", "quantity", "isPhysical") values (p_key, 'tea', p_units, true), (p_key, 'e-book', 1, false);
  update public."Product" set "stockCount" = "stockCount" - p_units where "id" = 'tea';
  return p_key;
end;
$$;
create function public.test_close(p_key text, p_paid boolean) returns void language sql as $$
  update public."Product" p set "stockCount" = p."stockCount" + i."quantity"
  from public."OrderItem" i where i."orderId" = p_key and i."productId" = p."id" and i."isPhysical" and not p_paid;
  update public."Order" set "status" = case when p_paid then 'PAID' else 'CANCELED' end::public."OrderStatus" where "id" = p_key;
$$;
create function public.test_delete(p_key text) returns void language sql as $$ delete from public."Order" where "id" = p_key $$;
create view public.test_orders as
  select "id" as key, "id" as ref, case "status" when 'PENDING' then 'open' when 'CANCELED' then 'closed' else 'paid' end as state from public."Order";
create view public.test_stock as select "stockCount" as free from public."Product" where "id" = 'tea';
