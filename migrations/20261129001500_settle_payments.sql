-- Settling, first part: a run's decisions about payments.

-- Contract: a JSON list of OrderDecision (functions/_shared/rules/orders.ts) as rows.
-- This and the next function are called ten times in a settlement, and a SQL function would be planned on each call.
create function lapse.order_decisions(p_decisions jsonb)
returns table (
  ref text, attempt integer, outcome text, reason text, next_check_at timestamptz, grace_until timestamptz,
  amount bigint, payments jsonb
)
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  return query
  select d.ref, d.attempt, d.outcome, d.reason, d."nextCheckAt", d."graceUntil", d.amount,
    coalesce(nullif(d.payments, 'null'), '[]')
  from jsonb_to_recordset(p_decisions) as d (
    ref text, attempt integer, outcome text, reason text, "nextCheckAt" timestamptz, "graceUntil" timestamptz,
    amount bigint, payments jsonb
  );
end;
$$;

-- Contract: the decisions about payments in these decisions about orders, as rows.
create function lapse.payment_decisions(p_decisions jsonb)
returns table (ref text, stripe_id text, state text, outcome text, reason text, alert boolean, evidence jsonb)
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  return query
  select d.ref, p."stripeId", p.state, p.outcome, p.reason, coalesce(p.alert, false), nullif(p.evidence, 'null')
  from lapse.order_decisions(p_decisions => p_decisions) d
  cross join jsonb_to_recordset(d.payments) as p (
    "stripeId" text, state text, outcome text, reason text, alert boolean, evidence jsonb
  );
end;
$$;

-- Contract: the refs that were decided about. Raises 22023 for two decisions about one order or payment, and for
-- anything that is not a decision.
create function lapse.decided_refs(p_decisions jsonb) returns text[]
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_twice text;
  v_refs text[];
begin
  select d.ref into v_twice
  from lapse.order_decisions(p_decisions => p_decisions) d
  group by d.ref
  having count(*) > 1
  limit 1;
  if found then
    raise exception 'Cannot settle two decisions about order %', v_twice using errcode = 'invalid_parameter_value';
  end if;
  select p.stripe_id into v_twice
  from lapse.payment_decisions(p_decisions => p_decisions) p
  group by p.stripe_id
  having count(*) > 1
  limit 1;
  if found then
    raise exception 'Cannot settle two decisions about payment %', v_twice using errcode = 'invalid_parameter_value';
  end if;
  select d.ref into v_twice
  from lapse.order_decisions(p_decisions => p_decisions) d
  where d.ref is null or d.attempt is null or d.reason is null
    or coalesce(d.outcome not in ('expired', 'paid', 'waiting', 'retry', 'quarantined', 'checked', 'handed_back'), true)
  limit 1;
  if found then
    raise exception 'Cannot settle the decision about order %: it has no attempt, reason or known outcome',
      coalesce(v_twice, 'null')
      using errcode = 'invalid_parameter_value';
  end if;
  select coalesce(p.stripe_id, p.ref) into v_twice
  from lapse.payment_decisions(p_decisions => p_decisions) p
  where p.stripe_id is null or p.reason is null
    or coalesce((p.state, p.outcome) not in (
      ('open', 'kept'), ('dead', 'canceled'), ('dead', 'found_dead'), ('paid', 'found_paid'), ('paid', 'kept'),
      ('dead', 'kept')
    ), true)
  limit 1;
  if found then
    raise exception 'Cannot settle the decision about payment %: it has no reason, or state and outcome do not fit',
      v_twice
      using errcode = 'invalid_parameter_value';
  end if;
  select coalesce(array_agg(d.ref order by d.ref), '{}') into v_refs
  from lapse.order_decisions(p_decisions => p_decisions) d;
  return v_refs;
end;
$$;

-- Contract: writes Stripe's answers about the payments of these locked orders, and returns the decisions to record.
-- The answers hold whatever happened to the order, so a payment is closed even if the run lost its claim (p_held are
-- the orders that it still holds). A payment of a lost order counts only if it closed just now. Money for an order
-- that was closed unpaid is a late payment. A payment that was recorded as paid and then refunded in full is dead
-- while its order is not settled. Payments that were kept are recorded each time for an open order; for any other only
-- when the reason is a new one.
create function lapse.settle_payments(
  p_run lapse.runs,
  p_decisions jsonb,
  p_locked text[],
  p_held text[],
  p_shop jsonb,
  p_now timestamptz
) returns lapse.decision[]
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  -- Collected first, because the planner cannot estimate how few payments a JSON list contains.
  v_ids text[] := array(
    select s.stripe_id from lapse.payment_decisions(p_decisions => p_decisions) s where s.ref = any (p_locked)
  );
  v_said jsonb;
begin
  if v_ids = '{}' then
    return '{}'::lapse.decision[];
  end if;
  with said as materialized (
    select s.*, p.kind, p.state as state_before, p.reason as reason_before, o.status,
      p_shop #>> array[s.ref, 'state'] as shop,
      s.ref = any (p_held) as held,
      -- the order is not settled, so refunded money no longer counts
      s.ref = any (p_held) and o.status in ('expiring', 'quarantined') and p.state = 'paid' and s.state = 'dead'
        and s.reason = 'refunded' as was_refunded
    from lapse.payment_decisions(p_decisions => p_decisions) s
    join lapse.payments p on p.stripe_id = s.stripe_id and p.ref = s.ref
    join lapse.orders o on o.ref = s.ref
    where s.stripe_id = any (v_ids) and p.stripe_id = any (v_ids) and s.ref = any (p_locked)
  ),
  recorded as (
    update lapse.payments p
    -- A closed payment stays closed; only its reason says that Stripe now contradicts it.
    set state = case when p.state = 'open' or s.was_refunded then s.state else p.state end,
        reason = s.reason,
        -- An intent keeps its session, and a payment keeps the time since which it has been processing. Nothing closes
        -- without evidence.
        evidence = case
          when s.was_refunded then p.evidence || s.evidence
          when p.state <> 'open' then p.evidence
          when s.evidence is null then case when s.state = 'open' then p.evidence end
          else jsonb_strip_nulls(jsonb_build_object(
            'intent', p.evidence -> 'intent',
            'session', p.evidence -> 'session',
            'processing_since', case
              when s.state = 'open' and 'processing' in (s.evidence ->> 'status', s.evidence ->> 'intent_status')
                then coalesce(p.evidence -> 'processing_since', to_jsonb(p_now))
            end
          )) || s.evidence
        end,
        checked_at = p_now,
        closed_at = case when p.state = 'open' and s.state <> 'open' or s.was_refunded then p_now else p.closed_at end
    from said s
    where p.stripe_id = any (v_ids) and p.stripe_id = s.stripe_id
      and (p.state = 'open' or s.was_refunded or s.held and s.outcome = 'kept' and s.state = p.state)
    returning p.stripe_id, s.state_before <> p.state as closed_now
  )
  select jsonb_agg(to_jsonb(s) || jsonb_build_object(
    'closed_now', coalesce(r.closed_now, false),
    'late', s.state = 'paid' and s.outcome = 'found_paid' and coalesce(
      s.shop in ('closed', 'gone'),
      s.status = 'expired' or s.status = 'unknown' and s.reason in ('order_expired', 'order_absent')
    )
  )) into v_said
  from said s
  left join recorded r on r.stripe_id = s.stripe_id;

  perform lapse.alert_kept_payments(p_run => p_run, p_said => v_said, p_now => p_now);
  return (
    select coalesce(array_agg(row(
      s.kind, s.ref, s.stripe_id,
      case when s.late then 'late_payment' else s.outcome end,
      case
        when s.late and s.reason not in ('order_expired', 'order_absent')
          then case when s.shop = 'gone' and s.status = 'unknown' then 'order_absent' else 'order_expired' end
        else s.reason
      end,
      0, null, s.evidence
    )::lapse.decision order by s.ref, s.stripe_id), '{}')
    from jsonb_to_recordset(v_said) as s (
      ref text, stripe_id text, kind text, outcome text, reason text, evidence jsonb, state_before text,
      reason_before text, status text,
      shop text, held boolean, closed_now boolean, late boolean
    )
    where s.closed_now
      or s.held and s.outcome = 'kept' and (s.status = 'expiring' or s.reason is distinct from s.reason_before)
  );
end;
$$;

-- Contract: raises alerts about kept payments of closed orders, which no quarantine shows. One alert per reason, not
-- per payment, so that a new status at Stripe does not raise a thousand.
create function lapse.alert_kept_payments(p_run lapse.runs, p_said jsonb, p_now timestamptz) returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  select lapse.raise_alert(
    p_key => 'payments_unclear:' || x.reason, p_job => (p_run).job, p_severity => 'warning',
    p_message => 'A payment of a closed order needs an operator: ' || x.reason,
    p_details => jsonb_build_object('ref', x.ref, 'payments', jsonb_build_array(x.stripe_id), 'cause', x.reason), p_now => p_now
  )
  from (
    select s.reason, (array_agg(s.ref order by s.ref desc, s.stripe_id desc))[1] as ref,
      (array_agg(s.stripe_id order by s.ref desc, s.stripe_id desc))[1] as stripe_id
    from jsonb_to_recordset(p_said) as s (
      ref text, stripe_id text, outcome text, reason text, reason_before text, alert boolean, held boolean
    )
    where s.alert and s.held and s.outcome = 'kept' and s.reason is distinct from s.reason_before
    group by s.reason
    order by s.reason
  ) x;
$$;
