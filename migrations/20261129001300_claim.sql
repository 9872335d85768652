-- Claims: a run takes due orders for a limited time.
--
-- A claim locks ledger rows only, skips locked ones, and reads one index up to its limit, so no row of the shop can
-- make it wait or fail. It claims an open order only after its account's lists were read beyond the order's due time
-- and nearly to the run's beginning, because a payment that was never attached can still be paid (lapse.list_cursors).
-- An order whose claim expired passed the check of its due time when it was claimed, so only the second check is
-- repeated. Claiming an order that is not open releases nothing.

-- Contract: claims up to p_limit orders that were due by p_due_by, oldest first, until p_until, and returns their refs.
-- Pending orders become expiring, others keep their status. A claim that lapsed, because its run died, counts as a
-- failed attempt. Of the unknown refs it claims only those in p_asked, about which the shop was just asked.
create function lapse.claim_due(
  p_run lapse.runs,
  p_due_by timestamptz,
  p_until timestamptz,
  p_limit integer,
  p_asked text[]
) returns text[]
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_livemode boolean := lapse.mode_of(p_run => p_run);
  v_needed_to timestamptz := lapse.lists_needed_to(p_run => p_run);
  -- Other jobs claim no orders.
  v_refs text[] := '{}';
begin
  if (p_run).job = 'expire-stale-orders' then
    -- An account that lacks one of the lists yields null, so none of its open orders can be claimed.
    v_refs := array(
      select o.ref
      from lapse.orders o
      where o.next_check_at is not null and o.next_check_at <= p_due_by and o.status <> 'unknown'
        and (
          o.status not in ('pending', 'expiring')
          or o.payments > 0 and (
            select o.run_id is not null or o.next_check_at < min(c.read_to)
            from lapse.list_cursors c
            where c.account = o.account and c.livemode = v_livemode
            having count(*) = 2 and min(c.read_to) > v_needed_to
          )
        )
      order by o.next_check_at, o.ref
      limit p_limit
      for no key update of o skip locked
    );
  elsif (p_run).job = 'cleanup-stale-payment-intents' then
    v_refs := array(
      select o.ref
      from lapse.orders o
      where o.next_check_at is not null and o.next_check_at <= p_due_by and o.status in ('expired', 'paid', 'unknown')
        and (o.status <> 'unknown' or o.ref = any (p_asked))
      order by o.next_check_at, o.ref
      limit p_limit
      for no key update of o skip locked
    );
  end if;
  perform lapse.take_orders(p_run => p_run, p_refs => v_refs, p_until => p_until);
  return v_refs;
end;
$$;

-- Records the claim of orders that this transaction has locked.
create function lapse.take_orders(p_run lapse.runs, p_refs text[], p_until timestamptz) returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  update lapse.orders o
  set status = case o.status when 'pending' then 'expiring' else o.status end,
      run_id = (p_run).id,
      attempt = o.attempt + 1,
      failures = o.failures + (o.run_id is not null)::integer,
      next_check_at = p_until
  where o.ref = any (p_refs);
$$;

-- Contract: claims one order, with payments or without, if it is due and its account's lists were read far
-- enough. Waits for its lock, because a checkout that holds it briefly must not make the run find nothing.
create function lapse.claim_one(p_run lapse.runs, p_ref text, p_now timestamptz, p_until timestamptz) returns text[]
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_livemode boolean := lapse.mode_of(p_run => p_run);
  v_needed_to timestamptz := lapse.lists_needed_to(p_run => p_run);
  v_refs text[] := array(
    select o.ref
    from lapse.orders o
    where o.ref = p_ref and o.next_check_at <= p_now and o.status <> 'unknown'
      and (
        o.status not in ('pending', 'expiring')
        or (
          select o.run_id is not null or o.next_check_at < min(c.read_to)
          from lapse.list_cursors c
          where c.account = o.account and c.livemode = v_livemode
          having count(*) = 2 and min(c.read_to) > v_needed_to
        )
      )
    for no key update of o
  );
begin
  perform lapse.take_orders(p_run => p_run, p_refs => v_refs, p_until => p_until);
  return v_refs;
end;
$$;

-- Contract: the next claim of a run that is not restricted to one order. One of the due orders may be what killed an
-- earlier run, and without caution hundreds of others would be quarantined with it. So after deaths in a row, the
-- orders that a dead run may have held are claimed separately and fewer at a time: each death divides the batch by
-- four. Orders due before the first dead run began are claimed first, those due since the last death last; both in full
-- batches.
create function lapse.claim_next(p_run lapse.runs, p_limit integer, p_asked text[], p_now timestamptz) returns text[]
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_settings lapse.settings;
  v_dead record;
  v_until timestamptz;
  v_refs text[];
begin
  select * into strict v_settings from lapse.settings;
  v_until := p_now + v_settings.lease;
  select d.deaths, d.since, d.until into v_dead from lapse.deaths_in_a_row(p_job => (p_run).job) d;

  if v_dead.deaths > 0 then
    -- A claim moves the time at which its orders are due, so no dead run held an order that was due before the first of
    -- them began.
    v_refs := lapse.claim_due(
      p_run => p_run, p_due_by => least(p_now, v_dead.since), p_until => v_until, p_limit => p_limit, p_asked => p_asked
    );
    if v_refs <> '{}' then
      return v_refs;
    end if;

    -- A run is found dead once its claims have lapsed: its orders have been due since then.
    v_refs := lapse.claim_due(
      p_run => p_run, p_due_by => least(p_now, v_dead.until), p_until => v_until, p_asked => p_asked,
      p_limit => least(p_limit, greatest(1, trunc(v_settings.claim_batch / power(4, v_dead.deaths))::integer))
    );
    if v_refs <> '{}' then
      return v_refs;
    end if;
  end if;
  return lapse.claim_due(p_run => p_run, p_due_by => p_now, p_until => v_until, p_limit => p_limit, p_asked => p_asked);
end;
$$;
