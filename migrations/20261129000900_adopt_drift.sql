-- Adoption and drift: orders that are open in the shop and unknown to Lapse, and every other disagreement between shop and ledger.

-- Contract: takes over up to p_limit orders that the shop calls open and the ledger does not know, oldest first, with every payment that
-- the shop's rows name. Repeatable; a later call takes the rest. Answers how many it took over. Without an adapter there is none.
create function lapse.adopt_orders(p_limit integer default 1000, p_now timestamptz default now()) returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_refs text[];
begin
  perform lapse.fold_inbox(p_now => p_now);
  v_refs := array(
    select s.ref
    from lapse.open_shop_orders() s
    where not exists (select from lapse.orders o where o.ref = s.ref and o.status <> 'unknown')
    order by s.placed_at, s.ref
    limit p_limit
  );
  return cardinality(lapse.adopt_refs(p_refs => v_refs, p_now => p_now));
end;
$$;

comment on function lapse.adopt_orders(integer, timestamptz) is 'Takes over orders that the shop calls open and the ledger does not know.';

-- Contract: where shop and ledger disagree, in one snapshot; empty unless something is wrong. What the inbox will settle is no
-- disagreement, nor is an order that the shop closed and whose payments a run still has to cancel.
--   open_and_not_watched  the shop's order is open, and the ledger does not know it
--   open_and_closed       the shop's order is open, and the ledger has closed it
--   watched_and_not_open  the ledger watches an order that the shop has closed
--   payment_not_attached  the shop's open order names a payment that the ledger lacks or counts to another order
create function lapse.drift() returns table (name text, ref text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with shop as materialized (
    select s.ref, s.stripe_ids from lapse.open_shop_orders() s
  ),
  watched as materialized (
    select o.ref from lapse.orders o where o.status in ('pending', 'expiring')
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
      coalesce(o.status, 'unknown') = 'unknown' and exists (select from noted n where n.ref = s.ref and n.kind = 'watch')
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
