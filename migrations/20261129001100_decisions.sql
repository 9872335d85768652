-- Decisions: what runs did with orders and payments, and why; and the counters that add them up.

create table lapse.decisions (
  id bigint generated always as identity primary key,
  -- Not a foreign key: runs and decisions are kept for different times.
  run_id uuid,
  job text not null,
  subject text not null check (subject in ('order', 'payment_intent', 'checkout_session')),
  ref text collate "C",
  stripe_id text collate "C",
  outcome text not null check (outcome in (
    'expired', 'paid', 'waiting', 'retry', 'quarantined',
    'canceled', 'found_dead', 'found_paid', 'kept', 'late_payment'
  )),
  reason text not null,
  units_released bigint not null default 0 check (units_released >= 0),
  next_check_at timestamptz,
  evidence jsonb,
  decided_at timestamptz not null,
  constraint only_late_money_without_a_run check (run_id is not null or outcome = 'late_payment' or reason = 'revived')
);

create index decisions_ref_idx on lapse.decisions (ref, id);
create index decisions_run_idx on lapse.decisions (run_id);
create index decisions_without_a_run_idx on lapse.decisions (id) where run_id is null;

comment on table lapse.decisions is 'What a run did with one order or one payment, and why.';
comment on column lapse.decisions.id is 'Number of the decision; later ones are higher.';
comment on column lapse.decisions.run_id is 'The run that decided, or that counted what the webhook found; empty until a run counts it.';
comment on column lapse.decisions.job is 'The job of that run.';
comment on column lapse.decisions.subject is 'What was decided about: order, payment_intent or checkout_session.';
comment on column lapse.decisions.ref is 'The order decided about, or the order of the payment.';
comment on column lapse.decisions.stripe_id is 'The payment''s id at Stripe; empty for an order.';
comment on column lapse.decisions.outcome is
  'Orders: expired, paid, waiting, retry, quarantined. Payments: canceled (by this run), found_dead, found_paid, kept, late_payment.';
comment on column lapse.decisions.reason is 'Short code; docs/payments-ops.md explains each.';
comment on column lapse.decisions.units_released is 'Units of stock released.';
comment on column lapse.decisions.next_check_at is 'When Lapse looks again; empty when it need not.';
comment on column lapse.decisions.evidence is 'What Stripe answered: status, amounts, request id. No personal data.';
comment on column lapse.decisions.decided_at is 'When it was settled.';

-- One decision on its way into the table.
create type lapse.decision as (
  subject text,
  ref text,
  stripe_id text,
  outcome text,
  reason text,
  units_released bigint,
  next_check_at timestamptz,
  evidence jsonb
);

create table lapse.metrics (
  job text primary key references lapse.jobs (job),
  orders_expired_total bigint not null default 0,
  orders_paid_total bigint not null default 0,
  orders_waiting_total bigint not null default 0,
  orders_retried_total bigint not null default 0,
  orders_quarantined_total bigint not null default 0,
  stock_released_total bigint not null default 0,
  payment_intents_canceled_total bigint not null default 0,
  checkout_sessions_expired_total bigint not null default 0,
  payments_kept_total bigint not null default 0,
  late_payments_total bigint not null default 0,
  runs_total bigint not null default 0,
  runs_failed_total bigint not null default 0,
  job_execution_time bigint,
  last_execution_time timestamptz,
  last_success_time timestamptz,
  backlog integer,
  oldest_due_at timestamptz
);
insert into lapse.metrics (job) select j.job from lapse.jobs j;

comment on table lapse.metrics is 'Totals since the first run, one row per job.';
comment on column lapse.metrics.job is 'The job.';
comment on column lapse.metrics.orders_expired_total is 'Orders closed unpaid (paymentsExpiredTotal).';
comment on column lapse.metrics.orders_paid_total is 'Orders that turned out to be paid, for example because a webhook got lost.';
comment on column lapse.metrics.orders_waiting_total is 'Decisions to wait because a payment may still succeed.';
comment on column lapse.metrics.orders_retried_total is 'Failed attempts on orders.';
comment on column lapse.metrics.orders_quarantined_total is 'Orders kept for an operator to decide.';
comment on column lapse.metrics.stock_released_total is 'Units of stock released (stockReleasedTotal).';
comment on column lapse.metrics.payment_intents_canceled_total is 'PaymentIntents cancelled at Stripe by the job (paymentIntentsCanceledTotal).';
comment on column lapse.metrics.checkout_sessions_expired_total is 'Checkout Sessions expired at Stripe by the job.';
comment on column lapse.metrics.payments_kept_total is 'Decisions to leave a payment alone.';
comment on column lapse.metrics.late_payments_total is 'Payments that succeeded although their order is closed, whoever found them.';
comment on column lapse.metrics.runs_total is 'Runs that worked, dry runs not counted.';
comment on column lapse.metrics.runs_failed_total is 'Runs that failed.';
comment on column lapse.metrics.job_execution_time is 'jobExecutionTime: duration of the last run, in milliseconds.';
comment on column lapse.metrics.last_execution_time is 'lastExecutionTime: when the last run ended.';
comment on column lapse.metrics.last_success_time is 'When a run last ended as succeeded.';
comment on column lapse.metrics.backlog is 'Due orders left when the last run ended, counted up to 100,000.';
comment on column lapse.metrics.oldest_due_at is 'Since when the oldest of them has waited.';

create table lapse.metrics_daily (
  job text not null references lapse.jobs (job),
  day date not null,
  orders_expired bigint not null default 0,
  orders_paid bigint not null default 0,
  orders_waiting bigint not null default 0,
  orders_retried bigint not null default 0,
  orders_quarantined bigint not null default 0,
  stock_released bigint not null default 0,
  payment_intents_canceled bigint not null default 0,
  checkout_sessions_expired bigint not null default 0,
  payments_kept bigint not null default 0,
  late_payments bigint not null default 0,
  runs bigint not null default 0,
  runs_failed bigint not null default 0,
  execution_time bigint not null default 0,
  primary key (job, day)
);

comment on table lapse.metrics_daily is 'What each job did on each UTC day. The days of a job add up to its row in lapse.metrics.';
comment on column lapse.metrics_daily.job is 'The job.';
comment on column lapse.metrics_daily.day is 'Calendar day in UTC. A day on which nothing happened has no row.';
comment on column lapse.metrics_daily.orders_expired is 'Orders closed unpaid on that day.';
comment on column lapse.metrics_daily.orders_paid is 'Orders that turned out to be paid.';
comment on column lapse.metrics_daily.orders_waiting is 'Decisions to wait because a payment may still succeed.';
comment on column lapse.metrics_daily.orders_retried is 'Failed attempts on orders.';
comment on column lapse.metrics_daily.orders_quarantined is 'Orders kept for an operator to decide.';
comment on column lapse.metrics_daily.stock_released is 'Units of stock released on that day.';
comment on column lapse.metrics_daily.payment_intents_canceled is 'PaymentIntents cancelled at Stripe by the job on that day.';
comment on column lapse.metrics_daily.checkout_sessions_expired is 'Checkout Sessions expired at Stripe by the job on that day.';
comment on column lapse.metrics_daily.payments_kept is 'Decisions to leave a payment alone.';
comment on column lapse.metrics_daily.late_payments is 'Payments that succeeded although their order is closed.';
comment on column lapse.metrics_daily.runs is 'Runs that worked and ended on that day, dry runs not counted.';
comment on column lapse.metrics_daily.runs_failed is 'Those of them that failed.';
comment on column lapse.metrics_daily.execution_time is 'Duration of these runs together, in milliseconds.';
