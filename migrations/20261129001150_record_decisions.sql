-- The one place that writes decisions and counters.

-- Contract: writes decisions and adds them to the counters of their run, their job and the UTC day in one statement,
-- from the rows it wrote. Counters therefore equal decisions at any moment; nothing else may write either of them.
-- PL/pgSQL keeps the plan of the statement; a function in SQL would take 3 ms to plan it each time.
create function lapse.record_decisions(p_run lapse.runs, p_decisions lapse.decision[], p_now timestamptz) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  -- the rows
  with recorded as (
    insert into lapse.decisions (
      run_id, job, subject, ref, stripe_id, outcome, reason, units_released, next_check_at, evidence, decided_at
    )
    select (p_run).id, (p_run).job, d.subject, d.ref, d.stripe_id, d.outcome, d.reason,
      coalesce(d.units_released, 0), d.next_check_at, d.evidence, p_now
    from unnest(p_decisions) d
    returning subject, outcome, units_released
  ),
  -- what they add up to; no row for no decision
  counted as (
    select
      count(*) filter (where outcome = 'expired') as orders_expired,
      count(*) filter (where outcome = 'paid') as orders_paid,
      count(*) filter (where outcome = 'waiting') as orders_waiting,
      count(*) filter (where outcome = 'retry') as orders_retried,
      count(*) filter (where outcome = 'quarantined') as orders_quarantined,
      coalesce(sum(units_released), 0)::bigint as stock_released,
      count(*) filter (where subject = 'payment_intent' and outcome = 'canceled') as payment_intents_canceled,
      count(*) filter (where subject = 'checkout_session' and outcome = 'canceled') as checkout_sessions_expired,
      count(*) filter (where outcome = 'kept') as payments_kept,
      count(*) filter (where outcome = 'late_payment') as late_payments
    from recorded
    having count(*) > 0
  ),
  -- the run's counters
  run_counted as (
    update lapse.runs r
    set orders_expired = r.orders_expired + c.orders_expired,
        orders_paid = r.orders_paid + c.orders_paid,
        orders_waiting = r.orders_waiting + c.orders_waiting,
        orders_retried = r.orders_retried + c.orders_retried,
        orders_quarantined = r.orders_quarantined + c.orders_quarantined,
        stock_released = r.stock_released + c.stock_released,
        payment_intents_canceled = r.payment_intents_canceled + c.payment_intents_canceled,
        checkout_sessions_expired = r.checkout_sessions_expired + c.checkout_sessions_expired,
        payments_kept = r.payments_kept + c.payments_kept,
        late_payments = r.late_payments + c.late_payments
    from counted c
    where r.id = (p_run).id
  ),
  -- the day's
  day_counted as (
    insert into lapse.metrics_daily as m (
      job, day, orders_expired, orders_paid, orders_waiting, orders_retried, orders_quarantined, stock_released,
      payment_intents_canceled, checkout_sessions_expired, payments_kept, late_payments
    )
    select (p_run).job, (p_now at time zone 'UTC')::date, c.*
    from counted c
    on conflict (job, day) do update
    set orders_expired = m.orders_expired + excluded.orders_expired,
        orders_paid = m.orders_paid + excluded.orders_paid,
        orders_waiting = m.orders_waiting + excluded.orders_waiting,
        orders_retried = m.orders_retried + excluded.orders_retried,
        orders_quarantined = m.orders_quarantined + excluded.orders_quarantined,
        stock_released = m.stock_released + excluded.stock_released,
        payment_intents_canceled = m.payment_intents_canceled + excluded.payment_intents_canceled,
        checkout_sessions_expired = m.checkout_sessions_expired + excluded.checkout_sessions_expired,
        payments_kept = m.payments_kept + excluded.payments_kept,
        late_payments = m.late_payments + excluded.late_payments
  )
  -- the job's totals
  update lapse.metrics m
  set orders_expired_total = m.orders_expired_total + c.orders_expired,
      orders_paid_total = m.orders_paid_total + c.orders_paid,
      orders_waiting_total = m.orders_waiting_total + c.orders_waiting,
      orders_retried_total = m.orders_retried_total + c.orders_retried,
      orders_quarantined_total = m.orders_quarantined_total + c.orders_quarantined,
      stock_released_total = m.stock_released_total + c.stock_released,
      payment_intents_canceled_total = m.payment_intents_canceled_total + c.payment_intents_canceled,
      checkout_sessions_expired_total = m.checkout_sessions_expired_total + c.checkout_sessions_expired,
      payments_kept_total = m.payments_kept_total + c.payments_kept,
      late_payments_total = m.late_payments_total + c.late_payments
  from counted c
  where m.job = (p_run).job;
end;
$$;

-- Contract: records that a payment succeeded although its order is closed, found by the webhook or the shop; once,
-- whoever finds it; and that its order was revived (p_revived). No counter changes here: this is called in a
-- transaction of the shop's, which must hold no row that a run needs.
create function lapse.note_late_payment(
  p_ref text, p_stripe_id text, p_evidence jsonb, p_revived boolean, p_now timestamptz
) returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  insert into lapse.decisions (job, subject, ref, stripe_id, outcome, reason, evidence, decided_at)
  select 'expire-stale-orders', case when p_stripe_id like 'cs\_%' then 'checkout_session' else 'payment_intent' end,
    p_ref, p_stripe_id, 'late_payment', 'order_expired', p_evidence, p_now
  where not exists (
    select from lapse.decisions d where d.ref = p_ref and d.stripe_id = p_stripe_id and d.outcome = 'late_payment'
  );
  insert into lapse.decisions (job, subject, ref, outcome, reason, decided_at)
  select 'expire-stale-orders', 'order', p_ref, 'paid', 'revived', p_now where p_revived;
$$;

-- Contract: counts the late payments and revivals that were found without a run, as this run's.
create function lapse.count_late_money(p_run lapse.runs) returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  with taken as (
    update lapse.decisions d set run_id = (p_run).id, job = (p_run).job
    where d.run_id is null
    returning (d.decided_at at time zone 'UTC')::date as day, d.outcome
  ),
  days as (
    select t.day, count(*) filter (where t.outcome = 'late_payment') as late, count(*) filter (where t.outcome = 'paid') as paid
    from taken t
    group by t.day
  ),
  counted as (
    select sum(d.late)::bigint as late, sum(d.paid)::bigint as paid from days d having count(*) > 0
  ),
  run_counted as (
    update lapse.runs r set late_payments = r.late_payments + c.late, orders_paid = r.orders_paid + c.paid
    from counted c
    where r.id = (p_run).id
  ),
  day_counted as (
    insert into lapse.metrics_daily as m (job, day, late_payments, orders_paid)
    select (p_run).job, d.day, d.late, d.paid from days d
    on conflict (job, day) do update
    set late_payments = m.late_payments + excluded.late_payments, orders_paid = m.orders_paid + excluded.orders_paid
  )
  update lapse.metrics m
  set late_payments_total = m.late_payments_total + c.late, orders_paid_total = m.orders_paid_total + c.paid
  from counted c
  where m.job = (p_run).job;
$$;
