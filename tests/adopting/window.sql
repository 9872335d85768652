-- A window in the shape of the first shop, through which the first shop's tests and the oracle look at the second one. For tests only: a
-- shop that adopts Lapse has no such views.

create view public.orders as
  select w.id, w.status, w.status_reason, 'eur' as currency, (s.total_eur * 100)::bigint as amount, 'card' as payment_method,
    'web' as channel, s.placed as created_at, s.pay_until as expires_at, interval '2 minutes' as grace, w.next_check_at,
    case w.status when 'paid' then w.closed_at end as paid_at, case w.status when 'expired' then w.closed_at end as expired_at,
    w.refs as payment_count, w.attempt, w.failures, w.claimed_by
  from shop2.sale_watch w
  join shop2.sales s using (sale_no);

create view public.order_payments as
  select r.id, r.sale_id as order_id, r.kind, r.ref as stripe_id, r.account as stripe_account, r.state, r.reason, r.evidence,
    r.grace_until, r.added as created_at, r.checked_at, r.closed_at
  from shop2.ref_watch r;

create view public.stock_reservations as
  select w.id as order_id, l.article as sku, l.pieces as quantity,
    case s.state when 'open' then 'held' when 'void' then 'released' else 'consumed' end as state, w.closed_at
  from shop2.sale_lines l
  join shop2.sales s using (sale_no)
  join shop2.sale_watch w using (sale_no);

create view public.inventory as
  select k.article as sku, k.available + h.held as on_hand, h.held as reserved
  from shop2.stock k
  cross join lateral (
    select coalesce(sum(l.pieces), 0)::integer as held
    from shop2.sale_lines l
    join shop2.sales s using (sale_no)
    where l.article = k.article and s.state = 'open'
  ) h;

create function shop2.write_through_window() returns trigger
language plpgsql
set search_path = ''
as $$
declare
  v_sale_no bigint;
begin
  case tg_op || ' ' || tg_table_name
    when 'INSERT orders' then
      insert into shop2.sales (total_eur, placed, pay_until) values (new.amount / 100.0, new.expires_at, new.expires_at)
      returning sale_no into v_sale_no;
      update shop2.sale_watch w
      set id = coalesce(new.id, w.id), status = coalesce(new.status, 'pending'), next_check_at = new.next_check_at, claimed_by = new.claimed_by,
          closed_at = coalesce(new.paid_at, new.expired_at)
      where w.sale_no = v_sale_no
      returning w.id into new.id;
      update shop2.sales s set state = case new.status when 'paid' then 'paid' when 'expired' then 'void' else 'open' end
      where s.sale_no = v_sale_no;
    when 'UPDATE orders' then
      update shop2.sale_watch w
      set status = new.status, status_reason = new.status_reason, next_check_at = new.next_check_at, claimed_by = new.claimed_by,
          attempt = new.attempt, failures = new.failures, closed_at = coalesce(new.paid_at, new.expired_at)
      where w.id = old.id;
      if new.status = 'expired' and old.status <> 'expired' then
        perform jobs.shop_move_stock(array[row('order', old.id, null, 'expired', null, 0, null, null)::jobs.decision], now());
      end if;
    when 'INSERT order_payments' then
      perform set_config('shop2.lapse_records', 'on', true);
      insert into shop2.stripe_refs (ref, sale_no, account)
      select new.stripe_id, w.sale_no, new.stripe_account from shop2.sale_watch w where w.id = new.order_id;
      perform set_config('shop2.lapse_records', '', true);
      update shop2.ref_watch r set state = coalesce(new.state, 'open'), evidence = new.evidence, closed_at = new.closed_at where r.ref = new.stripe_id;
    when 'UPDATE order_payments' then
      update shop2.ref_watch r
      set state = new.state, evidence = new.evidence, grace_until = new.grace_until, closed_at = new.closed_at
      where r.id = old.id;
    when 'INSERT stock_reservations' then
      insert into shop2.sale_lines (sale_no, article, pieces)
      select w.sale_no, new.sku, new.quantity from shop2.sale_watch w where w.id = new.order_id;
      update shop2.stock k set available = k.available - new.quantity where k.article = new.sku;
    when 'UPDATE inventory' then
      null; -- `reserved` follows from the lines
    when 'INSERT inventory' then
      insert into shop2.stock (article, available) values (new.sku, new.on_hand) on conflict do nothing;
    when 'DELETE inventory' then
      delete from shop2.stock k where k.article = old.sku;
  end case;
  return coalesce(new, old);
end;
$$;

create trigger written instead of insert or update on public.orders for each row execute function shop2.write_through_window();
create trigger written instead of insert or update on public.order_payments for each row execute function shop2.write_through_window();
create trigger written instead of insert on public.stock_reservations for each row execute function shop2.write_through_window();
create trigger written instead of insert or update or delete on public.inventory for each row execute function shop2.write_through_window();

-- What a checkout of the first shop calls, in terms of the second one.
create function public.place_order(
  p_currency text, p_amount bigint, p_items jsonb, p_payment_method text default 'card', p_channel text default 'web',
  p_expires_at timestamptz default null, p_order_id uuid default null, p_now timestamptz default now()
) returns public.orders
language plpgsql
set search_path = ''
as $$
declare
  v_sale_no bigint;
  v_order public.orders;
begin
  if p_order_id is not null then
    perform pg_advisory_xact_lock(hashtextextended(p_order_id::text, 0));
    select o.* into v_order from public.orders o where o.id = p_order_id;
    if found then
      return v_order;
    end if;
  end if;
  v_sale_no := shop2.sell(
    (select jsonb_object_agg(i ->> 'sku', (i ->> 'quantity')::integer) from jsonb_array_elements(p_items) i), p_amount / 100.0, p_now
  );
  update shop2.sale_watch w
  set id = coalesce(p_order_id, w.id), next_check_at = coalesce(p_expires_at + interval '2 minutes', w.next_check_at)
  where w.sale_no = v_sale_no;
  select o.* into v_order from public.orders o join shop2.sale_watch w using (id) where w.sale_no = v_sale_no;
  return v_order;
end;
$$;

create function public.attach_payment(
  p_order_id uuid, p_kind text, p_stripe_id text, p_stripe_account text default null, p_expires_at timestamptz default null,
  p_now timestamptz default now()
) returns void
language sql
set search_path = ''
as $$
  insert into shop2.stripe_refs (ref, sale_no, account, added)
  select p_stripe_id, w.sale_no, p_stripe_account, p_now from shop2.sale_watch w where w.id = p_order_id;
$$;
