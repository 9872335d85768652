-- Decisions and the counters that count them.
--
-- Contract: jobs.record_decisions writes decisions and adds them to the counters of their run and their job in one statement,
-- from the rows it wrote. Counters therefore equal decisions at any moment; nothing else may write either of them.

create table public.job_decisions (
  id bigint generated always as identity primary key,
  -- Not a foreign key: runs and decisions are kept for different times.
  run_id uuid not null,
  job text not null,
  subject text not null check (subject in ('order', 'payment_intent', 'checkout_session')),
  order_id uuid,
  stripe_id text,
  outcome text not null check (outcome in (
    'expired', 'paid', 'waiting', 'retry', 'quarantined', 'late_payment',
    'canceled', 'found_dead', 'found_paid', 'kept'
  )),
  reason text not null,
  units_released integer not null default 0 check (units_released >= 0),
  next_check_at timestamptz,
  evidence jsonb,
  decided_at timestamptz not null
);

create index job_decisions_order_idx on public.job_decisions (order_id, id);
create index job_decisions_run_idx on public.job_decisions (run_id);

comment on table public.job_decisions is 'What a run did with one order or one payment, and why.';
comment on column public.job_decisions.id is 'Number of the decision; later ones are higher.';
comment on column public.job_decisions.run_id is 'The run that decided.';
comment on column public.job_decisions.job is 'The job of that run.';
comment on column public.job_decisions.order_id is 'The order decided about, or the order of the payment.';
comment on column public.job_decisions.decided_at is 'When it was settled.';
comment on column public.job_decisions.subject is 'What was decided about: order, payment_intent or checkout_session.';
comment on column public.job_decisions.stripe_id is 'The payment''s id at Stripe; empty for an order.';
comment on column public.job_decisions.outcome is
  'Orders: expired, paid, waiting, retry, quarantined. Payments: canceled (ended by this run), found_dead, found_paid, kept, late_payment.';
comment on column public.job_decisions.reason is 'Short code; docs/payments-ops.md explains each.';
comment on column public.job_decisions.units_released is 'Units of stock put back on the shelf.';
comment on column public.job_decisions.next_check_at is 'When the job looks again; empty when it need not.';
comment on column public.job_decisions.evidence is 'What Stripe answered: status, amounts, request id. No personal data.';

alter table public.job_decisions enable row level security;
revoke all on table public.job_decisions from public, anon, authenticated, service_role;
grant select on table public.job_decisions to authenticated, service_role;

create policy "operators and viewers read decisions" on public.job_decisions
  for select to authenticated
  using (((select auth.jwt()) -> 'app_metadata' ->> 'jobs_role') in ('operator', 'viewer'));

create table public.job_metrics (
  job text primary key,
  payments_expired_total bigint not null default 0,
  payment_intents_canceled_total bigint not null default 0,
  checkout_sessions_expired_total bigint not null default 0,
  stock_released_total bigint not null default 0,
  orders_paid_total bigint not null default 0,
  orders_waiting_total bigint not null default 0,
  orders_retried_total bigint not null default 0,
  orders_quarantined_total bigint not null default 0,
  late_payments_total bigint not null default 0,
  payments_kept_total bigint not null default 0,
  runs_total bigint not null default 0,
  runs_failed_total bigint not null default 0,
  job_execution_time bigint,
  last_execution_time timestamptz,
  last_success_time timestamptz,
  backlog integer,
  oldest_due_at timestamptz
);

comment on table public.job_metrics is 'Totals since the first run, one row per job.';
comment on column public.job_metrics.job is 'The job.';
comment on column public.job_metrics.payments_expired_total is 'paymentsExpiredTotal: orders closed unpaid.';
comment on column public.job_metrics.payment_intents_canceled_total is 'paymentIntentsCanceledTotal: PaymentIntents cancelled at Stripe by the job.';
comment on column public.job_metrics.checkout_sessions_expired_total is 'Checkout Sessions expired at Stripe by the job.';
comment on column public.job_metrics.stock_released_total is 'stockReleasedTotal: units of stock put back on the shelf.';
comment on column public.job_metrics.orders_paid_total is 'Orders that turned out to be paid, for example because a webhook got lost.';
comment on column public.job_metrics.orders_waiting_total is 'Decisions to wait because a payment may still succeed.';
comment on column public.job_metrics.orders_retried_total is 'Failed attempts on orders.';
comment on column public.job_metrics.orders_quarantined_total is 'Orders set aside for an operator.';
comment on column public.job_metrics.late_payments_total is 'Payments found that succeeded although their order is closed.';
comment on column public.job_metrics.payments_kept_total is 'Decisions to leave a payment alone.';
comment on column public.job_metrics.runs_total is 'Runs that worked, dry runs not counted.';
comment on column public.job_metrics.runs_failed_total is 'Runs that failed.';
comment on column public.job_metrics.job_execution_time is 'jobExecutionTime: duration of the last run, in milliseconds.';
comment on column public.job_metrics.last_execution_time is 'lastExecutionTime: when the last run ended.';
comment on column public.job_metrics.last_success_time is 'When a run last ended as succeeded.';
comment on column public.job_metrics.backlog is 'Due orders left when the last run ended, counted up to 100,000.';
comment on column public.job_metrics.oldest_due_at is 'Since when the oldest of them is due.';

insert into public.job_metrics (job) values ('expire-stale-orders'), ('cleanup-stale-payment-intents');

alter table public.job_metrics enable row level security;
revoke all on table public.job_metrics from public, anon, authenticated, service_role;
grant select on table public.job_metrics to authenticated, service_role;

create policy "operators and viewers read metrics" on public.job_metrics
  for select to authenticated
  using (((select auth.jwt()) -> 'app_metadata' ->> 'jobs_role') in ('operator', 'viewer'));

-- One decision on its way into the table.
create type jobs.decision as (
  subject text,
  order_id uuid,
  stripe_id text,
  outcome text,
  reason text,
  units_released integer,
  next_check_at timestamptz,
  evidence jsonb
);

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
  -- what they add up to
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
  'Writes decisions and counts them for their run and job, in one statement.';

revoke all on all functions in schema jobs from public;
