-- The shop behind the jobs, second part: a run takes orders.

-- Contract: claims up to p_limit due orders that have payments, oldest first: pending -> expiring, until p_until. Orders that
-- another transaction works on are skipped. A claim that lapsed (its run died) counts as a failed attempt, so that an order
-- that kills its run is set aside in the end. Returns a JSON list of orders.
create function jobs.shop_claim(p_run_id uuid, p_now timestamptz, p_until timestamptz, p_limit integer) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_claimed uuid[];
begin
  with due as (
    select o.id, o.status = 'expiring' as lapsed
    from public.orders o
    where o.status in ('pending', 'expiring') and o.next_check_at <= p_now and o.payment_count > 0
    order by o.next_check_at, o.id
    limit p_limit
    for update skip locked
  ),
  claimed as (
    update public.orders o
    set status = 'expiring',
        claimed_by = p_run_id,
        attempt = o.attempt + 1,
        failures = o.failures + d.lapsed::integer,
        next_check_at = p_until
    from due d
    where o.id = d.id
    returning o.id
  )
  select array_agg(c.id) into v_claimed from claimed c;

  -- A statement of its own, and so a later look: a payment attached just before the claim got the lock is in it.
  return (
    select coalesce(jsonb_agg(jobs.shop_order_json(o) order by o.expires_at, o.id), '[]')
    from public.orders o
    where o.id = any (v_claimed)
  );
end;
$$;

comment on function jobs.shop_claim(uuid, timestamptz, timestamptz, integer) is
  'Claims due orders that have payments for one run: pending to expiring, for a limited time.';

-- Contract: jobs.shop_claim for one order, with payments or without, if it is due. Waits for its lock: a checkout that holds it a moment
-- longer must not make the run find nothing.
create function jobs.shop_claim_order(p_run_id uuid, p_order_id uuid, p_now timestamptz, p_until timestamptz) returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  update public.orders o
  set status = 'expiring',
      claimed_by = p_run_id,
      attempt = o.attempt + 1,
      failures = o.failures + (o.status = 'expiring')::integer,
      next_check_at = p_until
  where o.id = p_order_id and o.status in ('pending', 'expiring') and o.next_check_at <= p_now;
  if not found then
    return '[]'::jsonb;
  end if;

  -- A statement of its own, and so a later look: a payment attached just before the claim got the lock is in it.
  return (select jsonb_build_array(jobs.shop_order_json(o)) from public.orders o where o.id = p_order_id);
end;
$$;

comment on function jobs.shop_claim_order(uuid, uuid, timestamptz, timestamptz) is 'Claims one due order for a run that is restricted to it.';

revoke all on all functions in schema jobs from public;
