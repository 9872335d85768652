-- Stock held by reservations with a state, and a count of what is reserved beside what is on hand.
create table public.inventory (sku text primary key, on_hand integer not null, reserved integer not null default 0, check (reserved between 0 and on_hand));
create table public.purchases (
  id integer generated always as identity primary key,
  key text unique,
  status text not null default 'pending' check (status in ('pending', 'paid', 'expired')),
  total_cents bigint not null,
  created_at timestamptz not null,
  paid_on timestamptz,
  payment_intent_id text,
  check ((status = 'paid') = (paid_on is not null))
);
create table public.reservations (
  id bigint generated always as identity primary key,
  purchase_id integer references public.purchases on delete cascade,
  sku text references public.inventory,
  units integer,
  state text not null default 'held'
);
create index on public.reservations (purchase_id);
insert into public.inventory values ('tea', 500), ('mug', 500);

create function public.test_place(p_key text, p_units integer, p_minutes_ago integer, p_payment text) returns text
language plpgsql as $$
declare
  v_id integer;
begin
  insert into public.purchases (key, total_cents, created_at, payment_intent_id)
  values (p_key, 2000, now() - make_interval(mins => p_minutes_ago), p_payment) returning id into v_id;
  insert into public.reservations (purchase_id, sku, units) values (v_id, 'tea', 1), (v_id, 'mug', p_units - 2), (v_id, 'tea', 1);
  update public.inventory set reserved = reserved + 2 where sku = 'tea';
  update public.inventory set reserved = reserved + p_units - 2 where sku = 'mug';
  return v_id;
end;
$$;
create function public.test_close(p_key text, p_paid boolean) returns void language sql as $$
  with moved as (
    update public.reservations r set state = case when p_paid then 'consumed' else 'released' end
    from public.purchases p where p.id = r.purchase_id and p.key = p_key and r.state = 'held' returning r.sku, r.units
  )
  update public.inventory i set reserved = i.reserved - m.units, on_hand = i.on_hand - case when p_paid then m.units else 0 end
  from (select sku, sum(units) as units from moved group by 1) m where m.sku = i.sku;
  update public.purchases set status = case when p_paid then 'paid' else 'expired' end, paid_on = case when p_paid then now() end where key = p_key;
$$;
create function public.test_delete(p_key text) returns void language sql as $$ delete from public.purchases where key = p_key $$;
create view public.test_orders as
  select key, id::text as ref, case status when 'pending' then 'open' when 'expired' then 'closed' else 'paid' end as state from public.purchases;
create view public.test_stock as select sum(on_hand - reserved) as free from public.inventory;
