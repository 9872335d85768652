-- The shop behind the jobs: everything the jobs know of the shop's tables stands in this file.
--
-- A shop with tables of its own writes these functions anew (docs/adopting.md) and keeps the rest of Lapse as it is.
-- Each function has its contract above it. None of them judges, paces or counts: that is the jobs' part.

-- Contract: how many orders are due, counted up to p_cap, and since when the oldest one is.
create function jobs.shop_due(p_now timestamptz, p_cap integer)
returns table (due integer, oldest timestamptz)
language sql stable
set search_path = ''
as $$
  select count(*)::integer, min(d.next_check_at)
  from (
    select o.next_check_at
    from public.orders o
    where o.status in ('pending', 'expiring') and o.next_check_at <= p_now
    order by o.next_check_at, o.id
    limit p_cap
  ) d;
$$;

comment on function jobs.shop_due(timestamptz, integer) is 'Number of due orders, up to a cap, and the oldest due time.';

-- Contract: closes up to p_limit due orders that never had a payment, oldest first, and releases their stock. Returns their
-- decisions. Safe without asking Stripe because attach_payment takes the same row lock and raises payment_count: an order that
-- got a payment a moment ago is either locked (skipped) or shows the new count when its lock is taken.
create function jobs.shop_expire_without_payments(p_now timestamptz, p_limit integer) returns jobs.decision[]
language plpgsql
set search_path = ''
as $$
declare
  v_expired uuid[];
begin
  with due as (
    select o.id
    from public.orders o
    where o.status in ('pending', 'expiring') and o.next_check_at <= p_now and o.payment_count = 0
    order by o.next_check_at, o.id
    limit p_limit
    for update skip locked
  ),
  expired as (
    update public.orders o
    set status = 'expired', status_reason = 'no_payment', expired_at = p_now, next_check_at = null, claimed_by = null
    from due d
    where o.id = d.id
    returning o.id
  )
  select array_agg(e.id) into v_expired from expired e;

  return (
    with closed as materialized (
      select c.order_id, c.units
      from jobs.close_reservations(p_order_ids => v_expired, p_state => 'released', p_now => p_now) c
    )
    select coalesce(
      array_agg(row('order', e.id, null, 'expired', 'no_payment', c.units, null, null)::jobs.decision), '{}'
    )
    from unnest(v_expired) e (id)
    left join closed c on c.order_id = e.id
  );
end;
$$;

comment on function jobs.shop_expire_without_payments(timestamptz, integer) is
  'Closes due orders that never had a payment, set-based, and releases their stock.';

-- Contract: what a run needs to know of these orders, as the functions parse it (functions/_shared/orders.ts).
create function jobs.shop_order_json(p_order public.orders) returns jsonb
language sql stable
set search_path = ''
as $$
  select jsonb_build_object(
    'id', (p_order).id,
    'attempt', (p_order).attempt,
    'failures', (p_order).failures,
    'amount', (p_order).amount,
    'currency', (p_order).currency,
    'expiresAt', (p_order).expires_at,
    'payments', coalesce((
      select jsonb_agg(jsonb_build_object(
        'id', p.id,
        'kind', p.kind,
        'stripeId', p.stripe_id,
        'stripeAccount', p.stripe_account,
        'state', p.state,
        'graceUntil', p.grace_until,
        'createdAt', p.created_at
      ) order by p.created_at, p.id)
      from public.order_payments p
      where p.order_id = (p_order).id
    ), '[]')
  );
$$;

comment on function jobs.shop_order_json(public.orders) is 'An order with its payments, as a run reads it.';

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

-- Contract: applies a run's decisions about the orders it holds (a JSON list of OrderDecision, functions/_shared/orders.ts):
-- payment states with their evidence, order status, reservations and inventory. An order that is no longer this run's
-- claim (paid by the shop meanwhile, or claimed again) is left alone. An `expired` with a payment that is not dead becomes a
-- failed attempt; the last failed attempt becomes `quarantined`; `handed_back` undoes the claim. Returns what was applied: a
-- second call with the same decisions applies nothing and returns nothing. Raises 22023 for two decisions about one order.
create function jobs.shop_settle(p_run_id uuid, p_decisions jsonb, p_now timestamptz) returns jobs.decision[]
language plpgsql
set search_path = ''
as $$
declare
  v_held uuid[];
  v_payment_ids uuid[];
  v_orders jobs.decision[];
  v_payments jobs.decision[];
begin
  if exists (select from jsonb_array_elements(p_decisions) d group by d -> 'orderId' having count(*) > 1) then
    raise exception 'Cannot settle two decisions about one order: current value is %',
      (select d ->> 'orderId' from jsonb_array_elements(p_decisions) d group by 1 having count(*) > 1 limit 1)
      using errcode = 'invalid_parameter_value';
  end if;

  -- Orders first, in the order of their ids, inventory later: every settlement takes its locks in this order.
  perform from public.orders o
  where o.id in (select (d ->> 'orderId')::uuid from jsonb_array_elements(p_decisions) d)
  order by o.id
  for update;

  select array_agg(o.id) into v_held
  from jsonb_to_recordset(p_decisions) as d ("orderId" uuid, attempt integer)
  join public.orders o
    on o.id = d."orderId" and o.status = 'expiring' and o.claimed_by = p_run_id and o.attempt = d.attempt;

  -- Collected first: the planner cannot guess how few payments a JSON list names, and would read all open ones.
  select array_agg((p ->> 'paymentId')::uuid) into v_payment_ids
  from jsonb_array_elements(p_decisions) d, jsonb_array_elements(d -> 'payments') p;

  -- What Stripe said of the payments is true whatever became of the order.
  with said as (
    select (d ->> 'orderId')::uuid as order_id, p.*
    from jsonb_array_elements(p_decisions) d,
      jsonb_to_recordset(d -> 'payments') as p (
        "paymentId" uuid, "stripeId" text, state text, outcome text, reason text, "graceUntil" timestamptz, evidence jsonb
      )
  ),
  recorded as (
    update public.order_payments p
    set state = s.state,
        reason = s.reason,
        evidence = s.evidence,
        grace_until = coalesce(s."graceUntil", p.grace_until),
        checked_at = p_now,
        closed_at = case when s.state <> 'open' then p_now end
    from said s
    where p.id = any (v_payment_ids) and p.id = s."paymentId" and p.order_id = s.order_id and p.state = 'open'
    returning p.id, p.state
  )
  -- It counts once: while the order is this run's, or because it closed the payment just now.
  select array_agg(
    row(p.kind, s.order_id, s."stripeId", s.outcome, s.reason, 0, null, s.evidence)::jobs.decision
  ) into v_payments
  from said s
  join public.order_payments p on p.id = s."paymentId" and p.order_id = s.order_id
  left join recorded r on r.id = p.id
  where p.id = any (v_payment_ids) and (s.order_id = any (v_held) or r.state <> 'open');

  with said as (
    select * from jsonb_to_recordset(p_decisions) as d (
      "orderId" uuid, attempt integer, outcome text, reason text, "nextCheckAt" timestamptz
    )
  ),
  -- the orders this run still holds
  held as materialized (
    select s.*, o.failures, s.outcome = 'expired' and exists (
      select from public.order_payments p where p.order_id = o.id and p.state <> 'dead'
    ) as payable
    from said s
    join public.orders o on o.id = s."orderId"
    where o.id = any (v_held)
  ),
  -- no order is closed while a payment of it lives, whatever the run says
  sound as (
    select h."orderId" as id, h."nextCheckAt" as next_check_at, h.failures,
      case when h.payable then 'retry' else h.outcome end as outcome,
      case when h.payable then 'payment_not_dead' else h.reason end as reason
    from held h
  ),
  -- failed attempts wait longer each time, with jitter, and end in quarantine
  effective as (
    select s.id,
      case when x.exhausted then 'quarantined' else s.outcome end as outcome,
      case when x.exhausted then 'attempts_exhausted' else s.reason end as reason,
      case
        when s.outcome = 'handed_back' then p_now
        when s.outcome = 'waiting' then greatest(least(s.next_check_at, p_now + interval '1 month'), p_now + g.backoff_base)
        when s.outcome = 'retry' and not x.exhausted then greatest(
          s.next_check_at,
          p_now + least(g.backoff_max, g.backoff_base * 2 ^ least(s.failures, 20) * (0.75 + random() / 2))
        )
      end as next_check_at
    from sound s
    cross join jobs.settings g
    cross join lateral (select s.outcome = 'retry' and s.failures + 1 >= g.max_attempts as exhausted) x
  ),
  applied as (
    update public.orders o
    set status = case when e.outcome in ('waiting', 'retry', 'handed_back') then 'pending' else e.outcome end,
        status_reason = case when e.outcome = 'handed_back' then o.status_reason else e.reason end,
        next_check_at = e.next_check_at,
        claimed_by = null,
        failures = case e.outcome when 'retry' then o.failures + 1 when 'waiting' then 0 else o.failures end,
        paid_at = case when e.outcome = 'paid' then p_now end,
        expired_at = case when e.outcome = 'expired' then p_now end
    from effective e
    where o.id = e.id
    returning o.id, e.outcome, e.reason, o.next_check_at
  )
  select array_agg(row('order', a.id, null, a.outcome, a.reason, 0, a.next_check_at, null)::jobs.decision) into v_orders
  from applied a;

  perform jobs.lock_reserved_stock(
    p_order_ids => (select array_agg(d.order_id) from unnest(v_orders) d where d.outcome in ('expired', 'paid'))
  );

  -- stock: back on the shelf for expired orders, sold for paid ones
  with closed as materialized (
    select c.order_id, c.units
    from jobs.close_reservations(
      p_order_ids => (select array_agg(d.order_id) from unnest(v_orders) d where d.outcome = 'expired'),
      p_state => 'released', p_now => p_now
    ) c
  )
  select array_agg(
    row(d.subject, d.order_id, d.stripe_id, d.outcome, d.reason, c.units, d.next_check_at, d.evidence)::jobs.decision
  ) into v_orders
  from unnest(v_orders) d
  left join closed c using (order_id);

  perform jobs.close_reservations(
    p_order_ids => (select array_agg(d.order_id) from unnest(v_orders) d where d.outcome = 'paid'),
    p_state => 'consumed', p_now => p_now
  );

  return coalesce(v_orders, '{}') || coalesce(v_payments, '{}');
end;
$$;

comment on function jobs.shop_settle(uuid, jsonb, timestamptz) is
  'Applies a run''s decisions: payments, orders, reservations and inventory, all or nothing.';

-- Contract: the same orders as a claim would take, and those without payments, oldest first; no lock, no change.
create function jobs.shop_preview(p_now timestamptz, p_limit integer) returns jsonb
language sql stable
set search_path = ''
as $$
  with due as (
    select o.*
    from public.orders o
    where o.status in ('pending', 'expiring') and o.next_check_at <= p_now
    order by o.next_check_at, o.id
    limit p_limit
  )
  select coalesce(jsonb_agg(jobs.shop_order_json(row(d.*)::public.orders) order by d.next_check_at, d.id), '[]') from due d;
$$;

comment on function jobs.shop_preview(timestamptz, integer) is 'Due orders as a dry run reads them.';

-- Contract: a quarantined order becomes pending again and is due at once; its failures start anew. Raises PT404 or PT409.
create function jobs.shop_redrive(p_order_id uuid, p_reason text, p_requested_by text, p_now timestamptz) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_order public.orders;
begin
  select * into v_order from public.orders o where o.id = p_order_id for update;
  if not found then
    raise exception 'Cannot redrive order as it does not exist: current value is %', p_order_id using errcode = 'PT404';
  end if;
  if v_order.status <> 'quarantined' then
    raise exception 'Cannot redrive order % as it is not quarantined: current value is %', p_order_id, v_order.status
      using errcode = 'PT409';
  end if;

  update public.orders o
  set status = 'pending', next_check_at = p_now, failures = 0,
      status_reason = format('redriven by %s: %s', p_requested_by, p_reason)
  where o.id = p_order_id
  returning * into v_order;
  return jobs.shop_order_json(v_order);
end;
$$;

comment on function jobs.shop_redrive(uuid, text, text, timestamptz) is 'Gives a quarantined order back to the job.';

revoke all on all functions in schema jobs from public;
