-- Runs and their leases.
--
-- One row per execution of a job, whatever started it. At most one run of a job works at a time: it holds the job's
-- lease, and each new holder gets a higher fence. A run that shows an old fence can change nothing.

create table lapse.jobs (
  job text primary key,
  fence bigint not null default 0,
  run_id uuid,
  lease_until timestamptz not null default '-infinity',
  has_brake boolean not null default false,
  brake_on boolean not null default false check (has_brake or not brake_on),
  close_batch integer check (close_batch > 0)
);
-- A database's first statement is small, because the cost of the shop's triggers is not known yet.
insert into lapse.jobs (job, has_brake, close_batch) values
  ('expire-stale-orders', true, 250),
  ('cleanup-stale-payment-intents', true, null);

comment on table lapse.jobs is 'Each job: which run works on it, and until when without a further heartbeat.';
comment on column lapse.jobs.job is 'The job.';
comment on column lapse.jobs.fence is 'Grows with every new holder; see lapse.runs.fence.';
comment on column lapse.jobs.run_id is 'The run that holds the lease.';
comment on column lapse.jobs.lease_until is 'When the lease ends without a further heartbeat.';
comment on column lapse.jobs.has_brake is 'True: the job closes orders or cancels payments, so the brake can stop it.';
comment on column lapse.jobs.brake_on is 'True: the next run is braked however many orders are due, until an operator releases the brake.';
comment on column lapse.jobs.close_batch is 'Orders without payments that one statement closes at present: fewer at first and where the shop is slow. Empty: as the settings say.';

create table lapse.runs (
  id uuid primary key default gen_random_uuid(),
  job text not null references lapse.jobs (job),
  status text not null default 'queued'
    check (status in ('queued', 'running', 'succeeded', 'partial', 'failed', 'braked', 'skipped', 'lost')),
  trigger text not null check (trigger in ('schedule', 'operator', 'server', 'continuation')),
  requested_by text,
  reason text,
  dry_run boolean not null default false,
  item_limit integer check (item_limit > 0),
  ref text collate "C",
  brake_released_at timestamptz,
  continues uuid references lapse.runs (id) on delete set null,
  fence bigint,
  livemode boolean,
  operator_word boolean not null default false check (not operator_word or ref is not null),
  created_at timestamptz not null default now(),
  started_at timestamptz,
  heartbeat_at timestamptz,
  finished_at timestamptz,
  duration_ms integer,
  error text,

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

  stripe_calls integer not null default 0,
  stripe_throttled integer not null default 0,
  backlog integer,
  oldest_due_at timestamptz,

  request_id bigint,
  response_status integer,
  response_error text,
  constraint finished_when_final check ((status in ('queued', 'running')) = (finished_at is null)),
  constraint release_needs_reason check (brake_released_at is null or reason is not null)
);

create index runs_by_job_idx on lapse.runs (job, created_at desc);
create index runs_unfinished_idx on lapse.runs (created_at) where finished_at is null;
create unique index runs_continues_idx on lapse.runs (continues) where continues is not null;
create index runs_completed_idx on lapse.runs (job, finished_at desc)
  where status in ('succeeded', 'partial') and not dry_run and ref is null;
create index runs_worked_idx on lapse.runs (job, created_at desc)
  where status in ('succeeded', 'partial', 'lost') and not dry_run and ref is null and started_at is not null;
create index runs_unanswered_idx on lapse.runs (created_at)
  where request_id is not null and response_status is null and response_error is null;
-- For the last run that used a Stripe key, and the last one whose request was answered: a run with nothing to do uses
-- no key, and a manual run is not requested through pg_net.
create index runs_with_mode_idx on lapse.runs (job, created_at desc) where livemode is not null;
create index runs_answered_idx on lapse.runs (job, created_at desc)
  where response_status is not null or response_error is not null;
create index runs_finished_idx on lapse.runs (finished_at) where finished_at is not null;

comment on table lapse.runs is 'One row per run of a job: who started it, how it ended, what it did.';
comment on column lapse.runs.id is 'The run; repeating a request with the same id is harmless.';
comment on column lapse.runs.job is 'expire-stale-orders or cleanup-stale-payment-intents.';
comment on column lapse.runs.status is
  'queued, running; succeeded; partial: out of time or some orders failed; failed; braked: too many due orders, nothing changed; skipped: another run was working; lost: died without finishing.';
comment on column lapse.runs.trigger is 'schedule (pg_cron), operator (signed-in user), server (secret key), continuation (a run that handed over).';
comment on column lapse.runs.requested_by is 'The operator''s user id or the name of the secret key.';
comment on column lapse.runs.reason is 'Why an operator started the run or released the brake.';
comment on column lapse.runs.dry_run is 'Inspected and decided, changed nothing.';
comment on column lapse.runs.item_limit is 'The maximum number of orders this run may decide; empty: no limit.';
comment on column lapse.runs.ref is 'The only order this run works on, for a manual synchronisation; empty: all that are due.';
comment on column lapse.runs.brake_released_at is 'When an operator released the brake; covers the orders that were due then.';
comment on column lapse.runs.continues is 'The run whose work this one continues.';
comment on column lapse.runs.fence is 'Number of the lease. A run with an older number can settle nothing.';
comment on column lapse.runs.livemode is 'Mode of the Stripe key that this run uses; empty until it has asked which lists to read.';
comment on column lapse.runs.operator_word is 'An operator vouches for payments of this one order that Stripe can neither find nor cancel.';
comment on column lapse.runs.created_at is 'When the run was requested.';
comment on column lapse.runs.started_at is 'When it began to work.';
comment on column lapse.runs.heartbeat_at is 'Last heartbeat.';
comment on column lapse.runs.finished_at is 'When it ended; empty while it works.';
comment on column lapse.runs.duration_ms is 'From start to end, in milliseconds.';
comment on column lapse.runs.error is 'Why the run did not succeed.';
comment on column lapse.runs.orders_expired is 'Orders closed unpaid.';
comment on column lapse.runs.orders_paid is 'Orders that turned out to be paid.';
comment on column lapse.runs.orders_waiting is 'Orders left open because a payment may still succeed.';
comment on column lapse.runs.orders_retried is 'Failed attempts that will be repeated.';
comment on column lapse.runs.orders_quarantined is 'Orders quarantined for an operator to decide.';
comment on column lapse.runs.stock_released is 'Units of stock released.';
comment on column lapse.runs.payment_intents_canceled is 'PaymentIntents that this run cancelled at Stripe.';
comment on column lapse.runs.checkout_sessions_expired is 'Checkout Sessions that this run expired at Stripe.';
comment on column lapse.runs.payments_kept is 'Payments inspected and left alone.';
comment on column lapse.runs.late_payments is 'Payments that succeeded although their order is closed.';
comment on column lapse.runs.stripe_calls is 'Requests sent to Stripe, retries included.';
comment on column lapse.runs.stripe_throttled is 'Requests that Stripe refused for rate or concurrency.';
comment on column lapse.runs.backlog is 'Due orders left when the run ended, counted up to 100,000.';
comment on column lapse.runs.oldest_due_at is 'Since when the oldest of them has waited.';
comment on column lapse.runs.request_id is 'Id of the HTTP request at pg_net, for scheduled runs.';
comment on column lapse.runs.response_status is 'HTTP status that pg_net saw.';
comment on column lapse.runs.response_error is 'Error or timeout that pg_net saw.';
