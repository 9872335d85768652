-- A shop that was there before Lapse: other names, other types, another idea of stock. Nothing here knows of Lapse.
--
-- Sales have numbers, not uuids; amounts are decimal euros; `available` is what can still be sold: a sale takes its pieces away at once.

create schema shop2;

create table shop2.stock (
  article text primary key,
  available integer not null check (available >= 0)
);

create table shop2.sales (
  sale_no bigint generated always as identity primary key,
  state text not null default 'open' check (state in ('open', 'paid', 'void')),
  total_eur numeric(12, 2) not null,
  placed timestamptz not null,
  pay_until timestamptz not null
);

create table shop2.sale_lines (
  sale_no bigint not null references shop2.sales,
  article text not null references shop2.stock,
  pieces integer not null check (pieces > 0),
  primary key (sale_no, article)
);

-- Every PaymentIntent and Checkout Session of a sale: the checkout inserts a row before the customer gets the client secret.
create table shop2.stripe_refs (
  ref text primary key,
  sale_no bigint not null references shop2.sales,
  account text, -- the seller's own Stripe account, for sales of the marketplace
  added timestamptz not null default now()
);
create index stripe_refs_sale_idx on shop2.stripe_refs (sale_no);

-- The checkout: p_lines is {"article": pieces, …}.
create function shop2.sell(p_lines jsonb, p_total_eur numeric, p_now timestamptz default now()) returns bigint
language plpgsql
set search_path = ''
as $$
declare
  v_sale_no bigint;
begin
  perform from shop2.stock k where p_lines ? k.article order by k.article for update;
  -- Refused by the check on `available` when there is not enough.
  update shop2.stock k set available = k.available - (p_lines ->> k.article)::integer where p_lines ? k.article;
  insert into shop2.sales (total_eur, placed, pay_until) values (p_total_eur, p_now, p_now + interval '30 minutes')
  returning sale_no into v_sale_no;
  insert into shop2.sale_lines (sale_no, article, pieces)
  select v_sale_no, l.key, l.value::integer from jsonb_each_text(p_lines) l;
  return v_sale_no;
end;
$$;
