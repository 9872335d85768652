-- A shop: its inventory, its orders, and the stock that each open order holds.
--
-- For every article 0 <= reserved <= on_hand, and reserved equals the sum of the held reservations. Nothing here
-- depends on Lapse.

create table public.inventory (
  sku text primary key check (sku <> ''),
  on_hand integer not null check (on_hand >= 0),
  reserved integer not null default 0,
  updated_at timestamptz not null default now(),
  constraint reserved_within_on_hand check (reserved >= 0 and reserved <= on_hand)
);

comment on table public.inventory is 'Stock by article, in units. Sellable now: on_hand - reserved.';
comment on column public.inventory.on_hand is 'Units in the warehouse, whether reserved or not.';
comment on column public.inventory.reserved is 'Units that open orders hold.';

create table public.orders (
  id uuid primary key default gen_random_uuid(),
  status text not null default 'pending' check (status in ('pending', 'paid', 'expired')),
  currency text not null check (currency ~ '^[a-z]{3}$'),
  amount bigint not null check (amount >= 0),
  payment_method text not null default 'card' check (payment_method <> ''),
  channel text not null default 'web' check (channel <> ''),
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  paid_at timestamptz,
  expired_at timestamptz,
  constraint paid_at_when_paid check ((status = 'paid') = (paid_at is not null)),
  constraint expired_at_when_expired check ((status = 'expired') = (expired_at is not null))
);

create index orders_open_idx on public.orders (id) where status = 'pending';

comment on table public.orders is 'What customers ordered. An order holds stock until it is paid or expired.';
comment on column public.orders.amount is 'Total to pay, in the currency''s minor unit (cents).';
comment on column public.orders.expires_at is 'Deadline to pay that the customer was given.';

create table public.stock_reservations (
  order_id uuid not null references public.orders (id),
  sku text not null references public.inventory (sku),
  quantity integer not null check (quantity > 0),
  state text not null default 'held' check (state in ('held', 'released', 'consumed')),
  primary key (order_id, sku)
);

create index stock_reservations_held_idx on public.stock_reservations (order_id) where state = 'held';
create index stock_reservations_sku_idx on public.stock_reservations (sku) where state = 'held';

comment on table public.stock_reservations is 'Units of one article that one order holds, or held.';
comment on column public.stock_reservations.state is 'held; released: back on the shelf; consumed: sold.';

-- Stock is also changed from outside, so a trigger sets the time of the last change.
create function public.note_counted_stock() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  new.updated_at := now();
  return new;
end;
$$;

create trigger note_counted_stock before update of on_hand on public.inventory
  for each row when (new.on_hand <> old.on_hand and new.updated_at = old.updated_at)
  execute function public.note_counted_stock();

alter table public.inventory enable row level security;
alter table public.orders enable row level security;
alter table public.stock_reservations enable row level security;

-- The backend reads everything and sets on_hand. Orders, reservations and `reserved` change through the functions of
-- the checkout only.
revoke all on table public.inventory, public.orders, public.stock_reservations
  from public, anon, authenticated, service_role;
revoke execute on function public.note_counted_stock() from public, anon, authenticated;
grant select on table public.inventory, public.orders, public.stock_reservations to service_role;
-- An upsert over REST writes the key as well.
grant insert (sku, on_hand), update (sku, on_hand) on table public.inventory to service_role;
