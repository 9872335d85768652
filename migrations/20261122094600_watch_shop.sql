-- Checks of the watch about what the runs leave behind: the brake, orders set aside, Stripe's limits, broken promises.

-- The brake is raised by the run that met it, and by nothing else: after an operator released it the orders stay due for a while. Hence it
-- must not be closed too soon either. A clean-up meets it in the middle of its run, and what it holds back falls due a moment after: until
-- then that run itself keeps the brake on.
create function jobs.check_brake(p_now timestamptz) returns setof jobs.condition
language sql stable
set search_path = ''
as $$
  select a.key, a.job, 'critical', format('The brake of %s is on, as more than %s orders are due', a.job, g.brake_threshold),
    a.first_seen_at, a.details
  from public.job_alerts a
  cross join jobs.watch_settings() g
  cross join lateral jobs.job_due(p_job => a.job, p_now => p_now, p_cap => g.brake_threshold + 1) d
  where a.key like 'brake:%' and a.resolved_at is null
    and (
      d.due > g.brake_threshold
      or exists (
        select from public.job_runs r
        where r.id = (a.details ->> 'runId')::uuid
          and (r.finished_at is null or r.status = 'braked' and r.finished_at > p_now - interval '10 seconds')
      )
    );
$$;

create function jobs.check_quarantined(p_now timestamptz) returns setof jobs.condition
language sql stable
set search_path = ''
as $$
  select 'quarantined', null, 'warning', case q.orders when 1 then 'An order is set aside' else format('%s orders are set aside', q.orders) end,
    null::timestamptz, jsonb_build_object('orders', q.orders, 'examples', q.examples)
  from jobs.shop_quarantined() q
  where q.orders > 0;
$$;

create function jobs.check_throttled(p_now timestamptz) returns setof jobs.condition
language sql stable
set search_path = ''
as $$
  select 'throttled', null, 'warning', 'Stripe has slowed the jobs down', null::timestamptz,
    jsonb_agg(jsonb_build_object('livemode', b.livemode, 'endpoint', b.endpoint, 'rate', b.rate, 'throttledTotal', b.throttled_total))
  from jobs.watch_settings() g
  join jobs.call_budgets b on b.rate_at > p_now - g.throttle_window
  having count(*) > 0;
$$;

-- Contract: recent runs whose counters differ from their decisions. Retention keeps a decision as long as its run, so that a run that is
-- still there can be counted again at any time.
create function jobs.miscounted_runs(p_since timestamptz) returns setof uuid
language sql stable
set search_path = ''
as $$
  select r.id
  from public.job_runs r
  cross join lateral (
    select
      count(*) filter (where d.outcome = 'expired') as payments_expired,
      count(*) filter (where d.subject = 'payment_intent' and d.outcome = 'canceled') as payment_intents_canceled,
      count(*) filter (where d.subject = 'checkout_session' and d.outcome = 'canceled') as checkout_sessions_expired,
      coalesce(sum(d.units_released), 0) as stock_released,
      count(*) filter (where d.outcome = 'paid') as orders_paid,
      count(*) filter (where d.outcome = 'waiting') as orders_waiting,
      count(*) filter (where d.outcome = 'retry') as orders_retried,
      count(*) filter (where d.outcome = 'quarantined') as orders_quarantined,
      count(*) filter (where d.outcome = 'late_payment') as late_payments,
      count(*) filter (where d.outcome = 'kept') as payments_kept
    from public.job_decisions d
    where d.run_id = r.id
  ) c
  where (r.finished_at is null or r.finished_at > p_since)
    and (
      r.payments_expired, r.payment_intents_canceled, r.checkout_sessions_expired, r.stock_released, r.orders_paid,
      r.orders_waiting, r.orders_retried, r.orders_quarantined, r.late_payments, r.payments_kept
    ) is distinct from (
      c.payments_expired, c.payment_intents_canceled, c.checkout_sessions_expired, c.stock_released, c.orders_paid,
      c.orders_waiting, c.orders_retried, c.orders_quarantined, c.late_payments, c.payments_kept
    );
$$;

comment on function jobs.miscounted_runs(timestamptz) is 'Runs since a moment whose counters differ from their decisions.';

create function jobs.check_invariant(p_now timestamptz) returns setof jobs.condition
language sql stable
set search_path = ''
as $$
  select 'invariant:' || i.name, null, 'critical', i.message, null::timestamptz, jsonb_build_object('examples', i.examples)
  from jobs.shop_broken_invariants() i
  union all
  select 'invariant:counters', null, 'critical', format('Counters of %s runs differ from their decisions', count(*)),
    null::timestamptz, jsonb_build_object('examples', (array_agg(m.id))[1:5])
  from jobs.watch_settings() g
  cross join lateral jobs.miscounted_runs(p_now - greatest(g.invariant_interval * 2, interval '1 hour')) m (id)
  having count(*) > 0;
$$;

comment on function jobs.check_brake(timestamptz) is 'L007: brakes whose cause is still there.';
comment on function jobs.check_quarantined(timestamptz) is 'L010: orders set aside for an operator.';
comment on function jobs.check_throttled(timestamptz) is 'L011: call budgets that Stripe slowed down lately.';
comment on function jobs.check_invariant(timestamptz) is 'L012: promises of the database that do not hold.';

revoke all on all functions in schema jobs from public;
