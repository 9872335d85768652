-- The adapter between this shop and Lapse. Review it, commit it as a migration, change it like any code of the shop:
-- updates of Lapse never touch it. Written by:
--   lapse adapter --orders public.orders --key id --status state --open awaiting_payment --paid paid,shipped
--     --closed cancelled --placed-at created_at --deadline '30 minutes' --amount total --currency currency
--     --payment-ids stripe_checkout_session_id,stripe_payment_intent_id --stock counter --items public.order_items
--     --items-order order_id --items-article variant_id --items-units quantity --articles public.variants
--     --articles-key id --in-stock stock_quantity

create index if not exists orders_lapse_open_idx on public.orders (id) where state = 'awaiting_payment';

create or replace function lapse_shop.contract_version() returns integer set search_path = pg_catalog, pg_temp return 1;

-- An order in any other state counts as locked, and Lapse leaves it alone.
create or replace function lapse_shop.lock_orders(p_refs text[], p_wait boolean)
returns table (ref text, state text, units bigint, stripe_ids text[])
language sql set search_path = pg_catalog, pg_temp as $$
  select from public.orders o where p_wait and o.id = any (p_refs) order by o.id for no key update;
  with locked as (select * from public.orders o where o.id = any (p_refs) order by o.id for no key update skip locked)
  select o.id, case o.state when 'awaiting_payment' then 'open' when 'paid' then 'paid' when 'shipped' then 'paid'
    when 'cancelled' then 'closed' end,
    coalesce((select sum(i.quantity) from public.order_items i where i.order_id = o.id), 0),
    array[o.stripe_checkout_session_id, o.stripe_payment_intent_id] from locked o union all
  select r, 'gone', 0, '{}' from unnest(p_refs) r where not exists (select from public.orders o where o.id = r);
$$;

create or replace function lapse_shop.finish_orders(p_expired text[], p_paid text[]) returns void
language sql set search_path = pg_catalog, pg_temp as $$
  update public.orders set state = 'paid' where id = any (p_paid) and state = 'awaiting_payment';
  with closed as (
    update public.orders set state = 'cancelled' where id = any (p_expired) and state = 'awaiting_payment' returning id
  ), freed as (
    select i.variant_id as id, sum(i.quantity) as units
      from public.order_items i join closed c on c.id = i.order_id group by 1
  ), locked as (
    select a.id, f.units from public.variants a join freed f on f.id = a.id order by a.id for no key update of a
  )
  update public.variants a set stock_quantity = a.stock_quantity + l.units from locked l where a.id = l.id;
$$;

create or replace function lapse_shop.open_orders(p_refs text[] default null) returns table (
  ref text, placed_at timestamptz, deadline timestamptz, amount bigint, currency text, account text, stripe_ids text[]
) language sql stable set search_path = pg_catalog, pg_temp as $$
  select o.id, o.created_at, o.created_at + interval '30 minutes', lapse.minor_units(o.total, o.currency), o.currency,
    null, array[o.stripe_checkout_session_id, o.stripe_payment_intent_id]
  from (select * from public.orders where state = 'awaiting_payment' and p_refs is null
    union all select * from public.orders where state = 'awaiting_payment' and id = any (p_refs)) o;
$$;

-- Triggers report the shop's changes to Lapse, so its code stays as it is. They append a row and never wait or fail.
create or replace trigger lapse_watches after insert or update of state, total, currency on public.orders for each row
  when (new.state = 'awaiting_payment')
  execute function lapse.tg_watch('id', 'total', 'currency', '30 minutes', 'unit=major', 'placed_at=created_at');
create or replace trigger lapse_attaches after insert or update of stripe_checkout_session_id, stripe_payment_intent_id
  on public.orders for each row when (new.state = 'awaiting_payment')
  execute function lapse.tg_attach('id', 'stripe_checkout_session_id', 'stripe_payment_intent_id');
create or replace trigger lapse_follows after update on public.orders for each row
  when (old.state = 'awaiting_payment' and new.state in ('paid', 'shipped', 'cancelled'))
  execute function lapse.tg_follow('id', 'state', 'paid', 'shipped');
create or replace trigger lapse_follows_deletions after delete on public.orders for each row
  when (old.state = 'awaiting_payment') execute function lapse.tg_follow('id', 'state');
