-- Contract: jobs.record_decisions writes decisions and adds them to the counters of their run, their job and the UTC day in one
-- statement, from the rows it wrote. Counters therefore equal decisions at any moment; nothing else may write either of them.

create function jobs.record_decisions(p_run public.job_runs, p_decisions jobs.decision[], p_now timestamptz) returns void
language sql
set search_path = ''
as $$
  -- the rows
  with recorded as (
    insert into public.job_decisions (
      run_id, job, subject, order_id, stripe_id, outcome, reason, units_released, next_check_at, evidence, decided_at
    )
    select (p_run).id, (p_run).job, d.subject, d.order_id, d.stripe_id, d.outcome, d.reason,
      coalesce(d.units_released, 0), d.next_check_at, d.evidence, p_now
    from unnest(p_decisions) d
    returning subject, outcome, units_released
  ),
  -- what they add up to; no row for no decision
  counted as (
    select
      count(*) filter (where outcome = 'expired') as payments_expired,
      count(*) filter (where subject = 'payment_intent' and outcome = 'canceled') as payment_intents_canceled,
      count(*) filter (where subject = 'checkout_session' and outcome = 'canceled') as checkout_sessions_expired,
      coalesce(sum(units_released), 0) as stock_released,
      count(*) filter (where outcome = 'paid') as orders_paid,
      count(*) filter (where outcome = 'waiting') as orders_waiting,
      count(*) filter (where outcome = 'retry') as orders_retried,
      count(*) filter (where outcome = 'quarantined') as orders_quarantined,
      count(*) filter (where outcome = 'late_payment') as late_payments,
      count(*) filter (where outcome = 'kept') as payments_kept
    from recorded
    having count(*) > 0
  ),
  -- the run's counters
  run_counted as (
    update public.job_runs r
    set payments_expired = r.payments_expired + c.payments_expired,
        payment_intents_canceled = r.payment_intents_canceled + c.payment_intents_canceled,
        checkout_sessions_expired = r.checkout_sessions_expired + c.checkout_sessions_expired,
        stock_released = r.stock_released + c.stock_released,
        orders_paid = r.orders_paid + c.orders_paid,
        orders_waiting = r.orders_waiting + c.orders_waiting,
        orders_retried = r.orders_retried + c.orders_retried,
        orders_quarantined = r.orders_quarantined + c.orders_quarantined,
        late_payments = r.late_payments + c.late_payments,
        payments_kept = r.payments_kept + c.payments_kept
    from counted c
    where r.id = (p_run).id
  ),
  -- the day's
  day_counted as (
    insert into public.job_metrics_daily as m (
      job, day, payments_expired, payment_intents_canceled, checkout_sessions_expired, stock_released, orders_paid, orders_waiting,
      orders_retried, orders_quarantined, late_payments, payments_kept
    )
    select (p_run).job, (p_now at time zone 'UTC')::date, c.*
    from counted c
    on conflict (job, day) do update
    set payments_expired = m.payments_expired + excluded.payments_expired,
        payment_intents_canceled = m.payment_intents_canceled + excluded.payment_intents_canceled,
        checkout_sessions_expired = m.checkout_sessions_expired + excluded.checkout_sessions_expired,
        stock_released = m.stock_released + excluded.stock_released,
        orders_paid = m.orders_paid + excluded.orders_paid,
        orders_waiting = m.orders_waiting + excluded.orders_waiting,
        orders_retried = m.orders_retried + excluded.orders_retried,
        orders_quarantined = m.orders_quarantined + excluded.orders_quarantined,
        late_payments = m.late_payments + excluded.late_payments,
        payments_kept = m.payments_kept + excluded.payments_kept
  )
  -- the job's totals
  update public.job_metrics m
  set payments_expired_total = m.payments_expired_total + c.payments_expired,
      payment_intents_canceled_total = m.payment_intents_canceled_total + c.payment_intents_canceled,
      checkout_sessions_expired_total = m.checkout_sessions_expired_total + c.checkout_sessions_expired,
      stock_released_total = m.stock_released_total + c.stock_released,
      orders_paid_total = m.orders_paid_total + c.orders_paid,
      orders_waiting_total = m.orders_waiting_total + c.orders_waiting,
      orders_retried_total = m.orders_retried_total + c.orders_retried,
      orders_quarantined_total = m.orders_quarantined_total + c.orders_quarantined,
      late_payments_total = m.late_payments_total + c.late_payments,
      payments_kept_total = m.payments_kept_total + c.payments_kept
  from counted c
  where m.job = (p_run).job;
$$;

comment on function jobs.record_decisions(public.job_runs, jobs.decision[], timestamptz) is
  'Writes decisions and counts them for their run, job and day, in one statement.';

revoke all on all functions in schema jobs from public;
