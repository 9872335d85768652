-- Payments in a table of their own, with a column for each kind of id; the order's state is a number.
create table public.shop_articles (article_no integer primary key, on_shelf integer not null check (on_shelf >= 0));
create table public.shop_orders (
  order_no text primary key,
  state smallint not null default 0 check (state between 0 and 2),
  amount bigint not null,
  currency text not null default 'eur',
  created_at timestamptz not null default now()
);
create table public.shop_payments (
  id bigint generated always as identity primary key,
  order_no text not null references public.shop_orders on delete cascade,
  session_url text,
  intent_secret text
);
create index on public.shop_payments (order_no);
create table public.shop_lines (order_no text references public.shop_orders on delete cascade, article_no integer, pieces integer, primary key (order_no, article_no));
insert into public.shop_articles values (1, 500), (2, 500);

create function public.test_place(p_key text, p_units integer, p_minutes_ago integer, p_payment text) returns text
language plpgsql as $$
begin
  insert into public.shop_orders (order_no, amount, created_at)
  values ('R' || p_key, 2000, now() - make_interval(mins => p_minutes_ago));
  insert into public.shop_lines values ('R' || p_key, 2, p_units - 1), ('R' || p_key, 1, 1);
  update public.shop_articles set on_shelf = on_shelf - l.pieces
  from public.shop_lines l where l.order_no = 'R' || p_key and l.article_no = shop_articles.article_no;
  if p_payment is not null then
    insert into public.shop_payments (order_no, intent_secret) values ('R' || p_key, p_payment || '_secret_abc');
  end if;
  return 'R' || p_key;
end;
$$;
create function public.test_close(p_key text, p_paid boolean) returns void language sql as $$
  update public.shop_articles set on_shelf = on_shelf + l.pieces
  from public.shop_lines l where l.order_no = 'R' || p_key and l.article_no = shop_articles.article_no and not p_paid;
  update public.shop_orders set state = case when p_paid then 1 else 2 end where order_no = 'R' || p_key;
$$;
create function public.test_delete(p_key text) returns void language sql as $$ delete from public.shop_orders where order_no = 'R' || p_key $$;
create view public.test_orders as
  select substr(order_no, 2) as key, order_no as ref, (array['open', 'paid', 'closed'])[state + 1] as state from public.shop_orders;
create view public.test_stock as select sum(on_shelf) as free from public.shop_articles;
