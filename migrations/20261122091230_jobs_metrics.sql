-- The counters: per job since the first run, and per job and UTC day, for charts.
--
-- Contract: for each job the days add up to job_metrics, at any moment. Decisions are counted by jobs.record_decisions, runs by
-- jobs_finish_run, and nothing else writes either table. A day without a row is a day on which nothing was counted. Two rows a day
-- are nothing that needs retention.

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
