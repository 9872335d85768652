-- close_without_payments: orders that never had a payment are closed set-based, without asking Stripe about each.
--
-- Safe because the lists of their account were read beyond the time at which they were due and nearly to the run's
-- beginning, because the shop's own row, locked, names no payment, and because the inbox is folded in after that lock:
-- whatever the shop's triggers noted is in the ledger by then.

-- Contract: refs of due orders without payments, oldest first, whose account's lists were read far enough. No lock.
create function lapse.due_without_payments(p_run lapse.runs, p_limit integer, p_now timestamptz) returns text[]
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_livemode boolean := lapse.mode_of(p_run => p_run);
  v_needed_to timestamptz := lapse.lists_needed_to(p_run => p_run);
begin
  return array(
    select o.ref
    from lapse.orders o
    where o.status in ('pending', 'expiring') and o.payments = 0 and o.next_check_at <= p_now
      and (
        select o.run_id is not null or o.next_check_at < min(c.read_to)
        from lapse.list_cursors c
        where c.account = o.account and c.livemode = v_livemode
        having count(*) = 2 and min(c.read_to) > v_needed_to
      )
    order by o.next_check_at, o.ref
    limit p_limit
  );
end;
$$;

-- Contract: records the payments that the shop's rows of these orders name and the ledger lacks. Returns the orders
-- that got one, and those that could not get one because somebody else holds their ledger row: neither may be closed.
create function lapse.record_named_payments(p_refs text[], p_stripe_ids text[], p_now timestamptz) returns text[]
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_held text[];
  v_lacking record;
begin
  select array_agg(n.ref order by n.ref, n.id) as refs, array_agg(n.id order by n.ref, n.id) as ids into v_lacking
  from unnest(p_refs, p_stripe_ids) as n (ref, id)
  where not exists (select from lapse.payments p where p.stripe_id = n.id);
  if v_lacking.refs is null then
    return '{}'::text[];
  end if;

  v_held := array(
    select o.ref from lapse.orders o where o.ref = any (v_lacking.refs) order by o.ref for no key update skip locked
  );
  return array(
    select distinct r.ref
    from lapse.record_payments(
      p_refs => array(
        select n.ref from unnest(v_lacking.refs, v_lacking.ids) as n (ref, id) where n.ref = any (v_held)
      ),
      p_stripe_ids => array(
        select n.id from unnest(v_lacking.refs, v_lacking.ids) as n (ref, id) where n.ref = any (v_held)
      ),
      -- null: the order's own account
      p_accounts => null, p_source => 'server', p_now => p_now
    ) r
    union
    select n.ref from unnest(v_lacking.refs) as n (ref) where n.ref <> all (v_held)
  );
end;
$$;

-- Contract: puts off orders that are locked in the shop for a minute. Returns their number. due_since does not change.
create function lapse.put_off_held(p_refs text[], p_now timestamptz) returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_refs text[] := array(
    select o.ref
    from lapse.orders o
    where o.ref = any (p_refs) and o.status in ('pending', 'expiring') and o.next_check_at <= p_now
    order by o.ref
    for no key update skip locked
  );
begin
  update lapse.orders o set next_check_at = p_now + interval '1 minute', reason = 'order_locked' where o.ref = any (v_refs);
  return cardinality(v_refs);
end;
$$;

-- Contract: closes up to p_limit due orders without payments, oldest first. One that is locked in the shop is put off
-- for a minute. One whose row names a payment gets that payment, and is claimed like all others. One that the shop
-- closed meanwhile is followed, not closed again. An order with amount 0 cannot be unpaid: it is quarantined as
-- nothing_to_pay. Returns {"expired", "unitsReleased", "moved"}: moved counts the orders that this call closed,
-- quarantined, followed or put off; 0 when there is nothing left to do.
create function lapse.close_without_payments(
  p_run_id uuid,
  p_fence bigint,
  p_limit integer,
  p_now timestamptz default now()
) returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_locked_at timestamptz;
  v_run lapse.runs := lapse.hold_lease(p_run_id => p_run_id, p_fence => p_fence, p_now => p_now);
  v_due text[];
  v_refs text[];
  v_states text[];
  v_units bigint[];
  v_named text[];
  v_named_ids text[];
  v_unrecorded text[] := '{}'::text[];
  v_decisions lapse.decision[];
  v_open text[];
  v_moved integer := 0;
begin
  -- A run restricted to one order claims that order with claim_orders, whether it has payments or not.
  if v_run.ref is null and v_run.job = 'expire-stale-orders' then
    perform lapse.fold_inbox(p_refs => null, p_limit => 10000, p_now => p_now);
    v_due := lapse.due_without_payments(
      p_run => v_run, p_limit => least(coalesce(p_limit, 0), lapse.close_batch(p_job => v_run.job)), p_now => p_now
    );
  end if;
  if coalesce(v_due, '{}') = '{}' then
    return '{"expired": 0, "unitsReleased": 0, "moved": 0}'::jsonb;
  end if;

  -- From here on the shop's orders are locked, so Lapse stops waiting well before PostgreSQL looks for a deadlock.
  perform set_config('lock_timeout', '200ms', true);
  v_locked_at := clock_timestamp();
  with locked as materialized (
    select * from lapse.lock_shop_orders(p_refs => v_due, p_wait => false)
  ),
  named as (
    select l.ref, id from locked l cross join unnest(l.stripe_ids) id
  )
  select coalesce(array_agg(l.ref), '{}'), array_agg(l.state), array_agg(l.units),
    (select array_agg(n.ref order by n.ref, n.id) from named n),
    (select array_agg(n.id order by n.ref, n.id) from named n)
  into v_refs, v_states, v_units, v_named, v_named_ids
  from locked l;
  -- Now each trigger that committed before the lock is in the inbox. Fold only the locked orders; other transactions
  -- may hold the entries of the rest.
  perform lapse.fold_inbox(p_refs => v_refs, p_limit => null, p_now => p_now);
  if v_named <> '{}' then
    v_unrecorded := lapse.record_named_payments(p_refs => v_named, p_stripe_ids => v_named_ids, p_now => p_now);
    v_moved := cardinality(v_unrecorded);
  end if;

  with locked as materialized (
    select l.ref, l.state, l.units from unnest(v_refs, v_states, v_units) as l (ref, state, units)
  ),
  -- An order whose row names a payment that is recorded under another order is not simply unpaid.
  held as materialized (
    select o.ref, l.state, l.units,
      case
        when l.state = 'open' and o.ref = any (v_named) then 'foreign_payment'
        when l.state = 'open' and o.amount = 0 then 'nothing_to_pay'
      end as doubt
    from lapse.orders o
    join locked l on l.ref = o.ref
    where o.ref = any (v_refs) and o.status in ('pending', 'expiring') and o.next_check_at <= p_now and o.payments = 0
      and o.ref <> all (v_unrecorded)
    order by o.ref
    for no key update of o skip locked
  ),
  closed as (
    update lapse.orders o
    set status = case when h.doubt is not null then 'quarantined' when h.state = 'paid' then 'paid' else 'expired' end,
        reason = case when h.state = 'open' then coalesce(h.doubt, 'no_payment') else 'closed_by_shop' end,
        run_id = null,
        next_check_at = null,
        looks = o.looks + 1,
        closed_at = case when h.doubt is null then p_now end
    from held h
    where o.ref = h.ref
    returning o.ref, o.status, o.reason, h.units, h.state = 'open' and h.doubt is null as closes
  )
  select
    array_agg(row(
      'order', c.ref, null, c.status, c.reason, case when c.closes then c.units else 0 end, null, null
    )::lapse.decision),
    array_agg(c.ref) filter (where c.closes)
  into v_decisions, v_open
  from closed c;
  v_moved := v_moved + coalesce(cardinality(v_decisions), 0);

  if cardinality(v_refs) < cardinality(v_due) then
    v_moved := v_moved + lapse.put_off_held(
      p_refs => array(select d from unnest(v_due) d except select r from unnest(v_refs) r), p_now => p_now
    );
  end if;

  perform lapse.record_decisions(p_run => v_run, p_decisions => v_decisions, p_now => p_now);
  if v_open <> '{}' then
    perform lapse.finish_shop_orders(p_expired => v_open, p_paid => '{}');
  end if;
  perform lapse.fit_close_batch(
    p_job => v_run.job, p_seconds => extract(epoch from clock_timestamp() - v_locked_at), p_orders => cardinality(v_due)
  );
  return (
    select jsonb_build_object(
      'expired', count(*) filter (where d.outcome = 'expired'),
      'unitsReleased', coalesce(sum(d.units_released), 0),
      'moved', v_moved
    )
    from unnest(v_decisions) d
  );
end;
$$;

create function public.lapse_close_without_payments(p_run_id uuid, p_fence bigint, p_limit integer) returns jsonb
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
  select lapse.close_without_payments(p_run_id => p_run_id, p_fence => p_fence, p_limit => p_limit, p_now => now());
$$;

comment on function public.lapse_close_without_payments(uuid, bigint, integer) is
  'Closes due orders that never had a payment. For the Edge Functions (secret key) only.';
