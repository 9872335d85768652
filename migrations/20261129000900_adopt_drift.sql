-- Adoption and drift: orders that are open in the shop and unknown to Lapse, and every other disagreement between shop
-- and ledger.

-- Orders that were open in the shop and unknown to Lapse when it last looked, and that are not adopted yet. The list
-- is stored so that the shop's orders are read once, not once per batch.
create table lapse.adoptions (
  id bigint generated always as identity primary key,
  ref text collate "C" not null
);

comment on table lapse.adoptions is 'Open orders of the shop that lapse.adopt_orders has not adopted yet.';
comment on column lapse.adoptions.id is 'Orders are adopted by this number, oldest first.';
comment on column lapse.adoptions.ref is 'The order.';

-- Contract: adopts up to p_limit orders that are open in the shop and missing from the ledger, oldest first, with
-- every payment that the shop's rows name. It locks them in the shop and then reads them again: an order that is paid
-- at the same time is either read as paid, or its trigger's entry is folded after its adoption. Locked orders are left
-- for a later call. Safe to repeat. Returns how many orders it adopted, 0 if none is left.
create function lapse.adopt_orders(p_limit integer default 1000, p_now timestamptz default now()) returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_refs text[];
  v_open text[];
  v_looked boolean := false;
  v_adopted integer := 0;
begin
  perform lapse.fold_inbox(p_now => p_now);
  -- Orders that are locked, or that the adapter contradicts itself about, must not block those behind them.
  while v_adopted = 0 loop
    with next as (
      select a.id from lapse.adoptions a order by a.id limit p_limit for no key update skip locked
    ),
    taken as (
      delete from lapse.adoptions a using next n where a.id = n.id returning a.ref
    )
    select coalesce(array_agg(t.ref), '{}') into v_refs from taken t;
    if v_refs = '{}' then
      exit when v_looked;
      v_looked := true;
      insert into lapse.adoptions (ref)
      select s.ref
      from lapse.open_shop_orders() s
      where not exists (select from lapse.orders o where o.ref = s.ref and o.status <> 'unknown')
      order by s.placed_at, s.ref;
      continue;
    end if;
    v_open := array(
      select l.ref from lapse.lock_shop_orders(p_refs => v_refs, p_wait => false) l where l.state = 'open'
    );
    v_adopted := cardinality(lapse.adopt_refs(p_refs => v_open, p_now => p_now));
  end loop;
  return v_adopted;
end;
$$;

comment on function lapse.adopt_orders(integer, timestamptz) is
  'Adopts orders that are open in the shop and missing from the ledger.';

-- Contract: where shop and ledger disagree, in one snapshot; empty unless something is wrong. Differences that the
-- inbox will settle do not count, nor do orders that the shop closed and whose payments a run still has to cancel.
--   open_and_not_watched  the shop's order is open, and the ledger lacks it
--   open_and_closed       the shop's order is open, and the ledger has closed it
--   watched_and_not_open  the ledger watches an order that the shop has closed
--   payment_not_attached  the shop's open order names a payment that the ledger lacks or has under another order
create function lapse.drift() returns table (name text, ref text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with shop as materialized (
    select s.ref, s.stripe_ids from lapse.open_shop_orders() s
  ),
  watched as materialized (
    -- not those that a run has claimed, handed back or will retry
    select o.ref
    from lapse.orders o
    where o.status = 'pending' and o.next_check_at = o.due_since and o.reason is distinct from 'closed_by_shop'
    union all
    select o.ref from lapse.orders o where o.status = 'quarantined' and o.reason is distinct from 'late_payment'
  ),
  noted as materialized (
    select distinct i.kind, i.ref from lapse.inbox i where i.error is null
  )
  select case when o.status in ('paid', 'expired') then 'open_and_closed' else 'open_and_not_watched' end, s.ref
  from shop s
  left join lapse.orders o on o.ref = s.ref
  where coalesce(o.status in ('paid', 'expired', 'unknown'), true)
    and not (
      coalesce(o.status, 'unknown') = 'unknown'
      and exists (select from noted n where n.ref = s.ref and n.kind = 'watch')
    )
  union all
  select 'watched_and_not_open', w.ref
  from watched w
  where not exists (select from shop s where s.ref = w.ref)
    and not exists (select from noted n where n.ref = w.ref and n.kind = 'follow')
    and not exists (select from lapse.payments p where p.ref = w.ref and p.state = 'open')
  union all
  select distinct 'payment_not_attached', s.ref
  from shop s
  cross join unnest(s.stripe_ids) id
  left join lapse.payments p on p.stripe_id = id
  where p.ref is distinct from s.ref and not exists (select from noted n where n.ref = s.ref and n.kind = 'attach');
$$;

comment on function lapse.drift() is 'Where shop and ledger disagree; empty unless something is wrong.';
