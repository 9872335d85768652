-- A day at a glance: the counters of job_metrics once more, per job and UTC day, for charts.
--
-- Contract: for each job the days add up to job_metrics, at any moment. jobs.record_decisions writes decisions, the run's counters, the
-- job's totals and the day's in one statement; runs are added by the statement that adds them to job_metrics. A day without a row is a
-- day on which nothing was counted. Two rows a day are nothing that needs retention.

create table public.job_metrics_daily (
  job text not null references public.job_metrics (job),
  day date not null,
  payments_expired bigint not null default 0,
  payment_intents_canceled bigint not null default 0,
  checkout_sessions_expired bigint not null default 0,
  stock_released bigint not null default 0,
  orders_paid bigint not null default 0,
  orders_waiting bigint not null default 0,
  orders_retried bigint not null default 0,
  orders_quarantined bigint not null default 0,
  late_payments bigint not null default 0,
  payments_kept bigint not null default 0,
  runs bigint not null default 0,
  runs_failed bigint not null default 0,
  execution_time bigint not null default 0,
  primary key (job, day)
);

comment on table public.job_metrics_daily is 'What each job did on each UTC day, for charts. The days of a job add up to its row in job_metrics.';
comment on column public.job_metrics_daily.job is 'The job.';
comment on column public.job_metrics_daily.day is 'Calendar day in UTC. A day on which nothing happened has no row.';
comment on column public.job_metrics_daily.payments_expired is 'Orders closed unpaid on that day.';
comment on column public.job_metrics_daily.payment_intents_canceled is 'PaymentIntents cancelled at Stripe by the job on that day.';
comment on column public.job_metrics_daily.checkout_sessions_expired is 'Checkout Sessions expired at Stripe by the job on that day.';
comment on column public.job_metrics_daily.stock_released is 'Units of stock put back on the shelf on that day.';
comment on column public.job_metrics_daily.orders_paid is 'Orders that turned out to be paid.';
comment on column public.job_metrics_daily.orders_waiting is 'Decisions to wait because a payment may still succeed.';
comment on column public.job_metrics_daily.orders_retried is 'Failed attempts on orders.';
comment on column public.job_metrics_daily.orders_quarantined is 'Orders set aside for an operator.';
comment on column public.job_metrics_daily.late_payments is 'Payments found that succeeded although their order is closed.';
comment on column public.job_metrics_daily.payments_kept is 'Decisions to leave a payment alone.';
comment on column public.job_metrics_daily.runs is 'Runs that worked and ended on that day, dry runs not counted.';
comment on column public.job_metrics_daily.runs_failed is 'Those of them that failed.';
comment on column public.job_metrics_daily.execution_time is 'Duration of these runs together, in milliseconds.';

alter table public.job_metrics_daily enable row level security;
revoke all on table public.job_metrics_daily from public, anon, authenticated, service_role;
grant select on table public.job_metrics_daily to authenticated, service_role;

create policy "operators and viewers read daily metrics" on public.job_metrics_daily
  for select to authenticated
  using (((select auth.jwt()) -> 'app_metadata' ->> 'jobs_role') in ('operator', 'viewer'));

create or replace function jobs.record_decisions(p_run public.job_runs, p_decisions jobs.decision[], p_now timestamptz) returns void
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

-- A run is added to its day wherever it is added to its job.
create function jobs.count_run_of_day() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  insert into public.job_metrics_daily as m (job, day, runs, runs_failed, execution_time)
  values (
    new.job, (new.last_execution_time at time zone 'UTC')::date, new.runs_total - old.runs_total,
    new.runs_failed_total - old.runs_failed_total, new.job_execution_time
  )
  on conflict (job, day) do update
  set runs = m.runs + excluded.runs,
      runs_failed = m.runs_failed + excluded.runs_failed,
      execution_time = m.execution_time + excluded.execution_time;
  return null;
end;
$$;

comment on function jobs.count_run_of_day() is 'Adds a run that ended to its UTC day.';

create trigger count_run_of_day after update of runs_total on public.job_metrics
  for each row when (new.runs_total <> old.runs_total)
  execute function jobs.count_run_of_day();

revoke all on all functions in schema jobs from public;
