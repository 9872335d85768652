-- The second shop (examples/next-shop) in the words of the first: views and functions of its names over the other's tables, so that a test
-- of orders runs in both. Nothing of it is known to Lapse, whose adapter and triggers work on the shop's own tables.
--
-- Units on hand are those on the shelf and those that open orders took from it; a reservation is an order's item, held while the order waits.

create schema as_first;

create view as_first.orders as
select o.id,
  case o.state when 'awaiting_payment' then 'pending' when 'cancelled' then 'expired' else 'paid' end as status,
  lower(o.currency) as currency, (o.total * 100)::bigint as amount, 'card'::text as payment_method, 'web'::text as channel,
  o.created_at, o.created_at + interval '30 minutes' as expires_at
from public.orders o;

create view as_first.stock_reservations as
select i.order_id, v.title as sku, sum(i.quantity)::integer as quantity,
  case o.state when 'awaiting_payment' then 'held' when 'cancelled' then 'released' else 'consumed' end as state
from public.order_items i
join public.orders o on o.id = i.order_id
join public.variants v on v.id = i.variant_id
group by i.order_id, v.title, o.state;

create view as_first.inventory as
select v.title as sku, v.stock_quantity + coalesce(h.held, 0) as on_hand, coalesce(h.held, 0) as reserved
from public.variants v
left join (
  select i.variant_id, sum(i.quantity)::integer as held
  from public.order_items i join public.orders o on o.id = i.order_id
  where o.state = 'awaiting_payment'
  group by 1
) h on h.variant_id = v.id;

-- Counting, emptying and editing by hand.
create function as_first.edit_orders() returns trigger
language plpgsql
as $$
begin
  if tg_op = 'DELETE' then
    delete from public.orders where id = old.id;
    return old;
  end if;
  update public.orders
  set state = case new.status when old.status then state when 'pending' then 'awaiting_payment' when 'expired' then 'cancelled' else 'paid' end,
      total = new.amount / 100.0
  where id = old.id;
  return new;
end;
$$;
create trigger edit_orders instead of update or delete on as_first.orders for each row execute function as_first.edit_orders();

create function as_first.edit_inventory() returns trigger
language plpgsql
as $$
begin
  if tg_op = 'DELETE' then
    delete from public.variants where title = old.sku;
    return old;
  elsif tg_op = 'INSERT' then
    insert into public.variants (title, stock_quantity) values (new.sku, new.on_hand);
    return new;
  end if;
  update public.variants set stock_quantity = stock_quantity + new.on_hand - old.on_hand where title = new.sku;
  return new;
end;
$$;
create trigger edit_inventory instead of insert or update or delete on as_first.inventory
  for each row execute function as_first.edit_inventory();

create function as_first.keep_items() returns trigger language plpgsql as 'begin return old; end';
create trigger keep_items instead of delete on as_first.stock_reservations for each row execute function as_first.keep_items();

-- The checkout knows the present only; tests place orders in the past.
create function as_first.backdate() returns trigger
language plpgsql
as $$
begin
  new.created_at := coalesce(nullif(current_setting('as_first.placed_at', true), '')::timestamptz, new.created_at);
  return new;
end;
$$;
create trigger backdate before insert on public.orders for each row execute function as_first.backdate();

create function as_first.place_order(
  p_currency text,
  p_amount bigint,
  p_items jsonb,
  p_payment_method text default 'card',
  p_channel text default 'web',
  p_expires_at timestamptz default null,
  p_order_id uuid default null,
  p_now timestamptz default now()
) returns as_first.orders
language plpgsql
as $$
declare
  v_id text := coalesce(p_order_id, gen_random_uuid())::text;
  v_order as_first.orders;
begin
  perform set_config('as_first.placed_at', coalesce(p_expires_at - interval '30 minutes', p_now)::text, true);
  perform public.checkout(v_id, p_amount / 100.0, upper(p_currency), (
    select jsonb_agg(jsonb_build_object('variant', v.id, 'quantity', i ->> 'quantity'))
    from jsonb_array_elements(p_items) i join public.variants v on v.title = i ->> 'sku'
  ));
  perform set_config('as_first.placed_at', '', true);
  select * into v_order from as_first.orders o where o.id = v_id;
  return v_order;
end;
$$;

-- The shop's own hand: paid in cash, or cancelled, with the stock put back by itself.
create function as_first.close_order(p_order_id text, p_paid boolean) returns as_first.orders
language plpgsql
as $$
declare
  v_order as_first.orders;
begin
  update public.orders set state = case when p_paid then 'paid' else 'cancelled' end::public.order_state
  where id = p_order_id and state = 'awaiting_payment';
  if found and not p_paid then
    perform from public.variants v
    where v.id in (select variant_id from public.order_items where order_id = p_order_id) order by v.id for no key update;
    update public.variants v
    set stock_quantity = v.stock_quantity + i.units
    from (select variant_id, sum(quantity) as units from public.order_items where order_id = p_order_id group by 1) i
    where v.id = i.variant_id;
  end if;
  select * into v_order from as_first.orders o where o.id = p_order_id;
  return v_order;
end;
$$;

-- A payment's id is written into the order where it has a column for it, and Lapse's trigger notes it. Further payments, and those of which
-- the row says nothing, are attached by a call.
create function as_first.attach_payment(
  p_ref text,
  p_stripe_id text,
  p_account text default null,
  p_expires_at timestamptz default null,
  p_now timestamptz default now()
) returns void
language plpgsql
as $$
begin
  if p_account is null and p_expires_at is null and p_stripe_id ~ '^(pi|cs)_[A-Za-z0-9]+$'
    and not exists (select from public.orders o where p_stripe_id in (o.stripe_payment_intent_id, o.stripe_checkout_session_id))
    and not exists (select from lapse.payments p where p.stripe_id = p_stripe_id)
    and not exists (select from lapse.orders o where o.ref = p_ref and o.status <> 'pending')
  then
    update public.orders
    set stripe_payment_intent_id = case when p_stripe_id like 'pi\_%' then p_stripe_id else stripe_payment_intent_id end,
        stripe_checkout_session_id = case when p_stripe_id like 'cs\_%' then p_stripe_id else stripe_checkout_session_id end
    where id = p_ref and state = 'awaiting_payment'
      and case when p_stripe_id like 'pi\_%' then stripe_payment_intent_id else stripe_checkout_session_id end is null;
    if found then
      -- Tests look into the ledger right after; a run would read the note by itself.
      perform lapse.fold_inbox(p_refs => array[p_ref], p_now => p_now);
      return;
    end if;
  end if;
  perform lapse.attach_payment(
    p_ref => p_ref, p_stripe_id => p_stripe_id, p_account => p_account, p_expires_at => p_expires_at, p_now => p_now
  );
end;
$$;

-- What this shop's own webhook does with a payment: one plain update, which says nothing of orders that are closed.
create function as_first.mark_paid(p_ref text, p_stripe_id text, p_now timestamptz) returns text
language plpgsql
as $$
begin
  perform public.payment_succeeded(p_ref, case when p_stripe_id like 'pi\_%' then p_stripe_id end);
  return 'paid';
end;
$$;

-- Of late money this shop's adapter knows nothing. As `lapse adapter --revive` writes it:
create or replace function lapse_shop.revive_order(p_ref text) returns boolean
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  v_needed record;
begin
  perform from public.orders where id = p_ref and state = 'cancelled' for no key update;
  if not found then
    return false;
  end if;
  select array_agg(n.id) as ids, array_agg(n.units) as units into v_needed from (
    select i.variant_id as id, sum(i.quantity) as units from public.order_items i
    where i.order_id = p_ref
    group by 1
  ) n;
  perform from public.variants a where a.id = any (v_needed.ids) order by a.id for no key update;
  if exists (
    select from unnest(v_needed.ids, v_needed.units) n (id, units) left join public.variants a on a.id = n.id
    where a.id is null or a.stock_quantity < n.units
  ) then
    return false;
  end if;
  update public.variants a set stock_quantity = a.stock_quantity - n.units
  from unnest(v_needed.ids, v_needed.units) n (id, units) where a.id = n.id;
  update public.orders set state = 'paid' where id = p_ref;
  return true;
end;
$$;
