-- A shop built from a tutorial, without Lapse in mind. Nothing in it mentions Lapse.
--
-- Text ids, an enum of states, prices as numeric, stock decremented at checkout, Stripe's ids in columns of the order.

create type public.order_state as enum ('awaiting_payment', 'paid', 'shipped', 'cancelled');

create table public.variants (
  id bigint generated always as identity primary key,
  title text not null,
  stock_quantity integer not null check (stock_quantity >= 0)
);

create table public.orders (
  id text primary key,
  state public.order_state not null default 'awaiting_payment',
  total numeric(12, 2) not null,
  currency text not null default 'EUR',
  stripe_checkout_session_id text,
  stripe_payment_intent_id text,
  created_at timestamptz not null default now()
);

create table public.order_items (
  id bigint generated always as identity primary key,
  order_id text not null references public.orders (id) on delete cascade,
  variant_id bigint not null references public.variants (id),
  quantity integer not null check (quantity > 0)
);
create index order_items_order_idx on public.order_items (order_id);

alter table public.variants enable row level security;
alter table public.orders enable row level security;
alter table public.order_items enable row level security;
grant select, insert, update on public.variants, public.orders, public.order_items to service_role;
