-- The shop behind the jobs, fourth part: a run's decisions are applied.

-- Contract: applies a run's decisions about the orders it holds (a JSON list of OrderDecision, functions/_shared/orders.ts):
-- payment states with their evidence and order status; jobs.shop_move_stock moves the stock. An order that is no longer this run's
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

  -- Orders first, in the order of their ids, stock last: every settlement takes its locks in this order.
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
  select array_agg(
    row('order', a.id, null, a.outcome, a.reason, coalesce(h.units, 0), a.next_check_at, null)::jobs.decision
  ) into v_orders
  from applied a
  -- what goes back on the shelf with an expired one
  left join jobs.held_units(p_order_ids => v_held) h on h.order_id = a.id and a.outcome = 'expired';

  return coalesce(v_orders, '{}') || coalesce(v_payments, '{}');
end;
$$;

comment on function jobs.shop_settle(uuid, jsonb, timestamptz) is
  'Applies a run''s decisions to payments and orders; their stock moves with jobs.shop_move_stock.';

revoke all on all functions in schema jobs from public;
