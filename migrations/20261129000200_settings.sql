-- Settings: one row with typed, checked columns, so that an invalid value is refused when it is set.
--
-- Operators change it in Studio's SQL editor: update lapse.settings set brake_threshold = 2000 where only_row;
-- The functions read it when a run begins and parse it again; a run without settings fails before it changes anything.

create table lapse.settings (
  only_row boolean primary key default true check (only_row),

  metadata_key text not null default 'order_id' check (metadata_key ~ '^[A-Za-z0-9_.-]{1,40}$'),
  grace interval not null default interval '2 minutes' check (grace between interval '0' and interval '1 day'),

  brake_threshold integer not null default 1000 check (brake_threshold between 1 and 1000000),
  lease interval not null default interval '2 minutes' check (lease between interval '15 seconds' and interval '1 hour'),
  run_seconds integer not null default 50 check (run_seconds between 5 and 300),
  claim_seconds integer not null default 40 check (claim_seconds between 1 and 290),
  run_orders integer not null default 600 check (run_orders between 1 and 100000),
  claim_batch integer not null default 50 check (claim_batch between 1 and 1000),
  close_batch integer not null default 5000 check (close_batch between 1 and 50000),

  max_attempts integer not null default 8 check (max_attempts between 1 and 100),
  backoff_base interval not null default interval '1 minute'
    check (backoff_base between interval '1 second' and interval '1 day'),
  backoff_max interval not null default interval '6 hours'
    check (backoff_max between interval '1 minute' and interval '7 days'),

  customer_action_grace interval not null default interval '5 minutes'
    check (customer_action_grace between interval '0' and interval '1 day'),
  processing_recheck interval not null default interval '1 hour'
    check (processing_recheck between interval '1 minute' and interval '30 days'),
  capture_recheck interval not null default interval '6 hours'
    check (capture_recheck between interval '1 minute' and interval '30 days'),
  voucher_settle_grace interval not null default interval '3 days'
    check (voucher_settle_grace between interval '0' and interval '90 days'),
  slow_method_window interval not null default interval '7 days'
    check (slow_method_window between interval '1 hour' and interval '90 days'),
  processing_alert interval not null default interval '14 days'
    check (processing_alert between interval '1 hour' and interval '90 days'),

  payments_per_second_live numeric not null default 20 check (payments_per_second_live between 0.5 and 1000),
  payments_per_second_test numeric not null default 6 check (payments_per_second_test between 0.5 and 1000),
  cleanup_payments_per_second numeric not null default 4 check (cleanup_payments_per_second between 0.1 and 1000),
  webhook_payments_per_second numeric not null default 4 check (webhook_payments_per_second between 0.1 and 1000),

  max_payments_per_order integer not null default 50 check (max_payments_per_order between 1 and 1000),
  list_reach interval not null default interval '90 days' check (list_reach between interval '1 day' and interval '400 days'),
  stale_age interval not null default interval '7 days' check (stale_age between interval '1 hour' and interval '90 days'),
  cleanup_scope text not null default 'all' check (cleanup_scope in ('known', 'all')),

  disputed_payments text not null default 'quarantine' check (disputed_payments in ('quarantine', 'paid')),
  late_payments text not null default 'alert' check (late_payments in ('alert', 'revive_or_alert', 'revive_or_refund')),
  refund_surplus boolean not null default false,
  refunds_per_day integer not null default 20 check (refunds_per_day between 0 and 100000),
  refunded_per_day bigint not null default 200000 check (refunded_per_day >= 0),

  start_patience interval not null default interval '2 minutes'
    check (start_patience between interval '10 seconds' and interval '1 day'),
  alert_after integer not null default 3 check (alert_after between 1 and 100),
  slot_patience interval not null default interval '1 hour' check (slot_patience between interval '1 minute' and interval '5 days'),
  overdue_after interval not null default interval '30 minutes'
    check (overdue_after between interval '1 minute' and interval '30 days'),
  backlog_alert integer not null default 200 check (backlog_alert between 0 and 1000000),
  invariant_interval interval not null default interval '15 minutes'
    check (invariant_interval between interval '0' and interval '7 days'),

  unfinished_after interval not null default interval '21 days'
    check (unfinished_after between interval '1 day' and interval '365 days'),
  runbook_url text not null default 'docs/payments-ops.md' check (runbook_url ~ '^\S+$' and length(runbook_url) <= 500),

  keep_cron_history interval not null default interval '7 days'
    check (keep_cron_history between interval '1 hour' and interval '400 days'),
  keep_runs interval not null default interval '90 days' check (keep_runs between interval '8 days' and interval '3650 days'),
  keep_decisions interval not null default interval '180 days'
    check (keep_decisions between interval '1 day' and interval '3650 days'),
  keep_orders interval not null default interval '90 days' check (keep_orders between interval '8 days' and interval '3650 days'),
  keep_payments interval not null default interval '400 days'
    check (keep_payments between interval '8 days' and interval '3650 days'),
  keep_alerts interval not null default interval '180 days' check (keep_alerts between interval '1 day' and interval '3650 days'),
  keep_slots interval not null default interval '400 days' check (keep_slots between interval '14 days' and interval '3650 days'),
  retention_batch integer not null default 20000 check (retention_batch between 1 and 1000000),

  constraint claiming_ends_before_the_run check (claim_seconds < run_seconds),
  -- A run's claim lasts until the run ends, because nothing extends the claim of an order.
  constraint run_fits_lease check (make_interval(secs => run_seconds) < lease),
  constraint backoff_grows check (backoff_base <= backoff_max),
  constraint payments_outlive_orders check (keep_orders <= keep_payments)
);

insert into lapse.settings default values;

comment on table lapse.settings is 'Settings of both jobs: exactly one row.';
comment on column lapse.settings.metadata_key is 'Key of Stripe''s metadata that carries the order''s ref.';
comment on column lapse.settings.grace is 'Hidden extra time after the deadline, so that a payment made in the last second still arrives.';
comment on column lapse.settings.brake_threshold is 'If more orders than this are due for the first time, a run stops before it changes anything, until an operator releases the brake.';
comment on column lapse.settings.lease is 'How long a run holds its job and its orders without a heartbeat.';
comment on column lapse.settings.run_seconds is 'Time limit of one run, in seconds. Keep it well under the platform''s limit for a worker.';
comment on column lapse.settings.claim_seconds is 'After this many seconds a run claims nothing more and hands over to a continuation.';
comment on column lapse.settings.run_orders is 'Orders with payments that one run works on before it hands over: keeps a run near 0.6 s of CPU.';
comment on column lapse.settings.claim_batch is 'Orders with payments that a run claims at a time.';
comment on column lapse.settings.close_batch is 'Orders without payments that one statement closes; shrinks when a statement takes too long.';
comment on column lapse.settings.max_attempts is 'Failed attempts in a row after which an order is quarantined.';
comment on column lapse.settings.backoff_base is 'Wait after the first failed attempt; doubles with each further one.';
comment on column lapse.settings.backoff_max is 'Longest wait between two attempts.';
comment on column lapse.settings.customer_action_grace is 'One extra wait per order for a customer found in 3-D Secure or a redirect.';
comment on column lapse.settings.processing_recheck is 'When to inspect a processing payment again.';
comment on column lapse.settings.capture_recheck is 'When to inspect an authorised, uncaptured payment again.';
comment on column lapse.settings.voucher_settle_grace is 'Time after a voucher''s own expiry in which its payment may still be reported.';
comment on column lapse.settings.slow_method_window is 'How long a bank transfer or another slow method is protected if it has no expiry.';
comment on column lapse.settings.processing_alert is 'A payment that is still processing after this long raises an alert.';
comment on column lapse.settings.payments_per_second_live is 'Payments per second in live mode, all of Lapse together: one read and one cancel each, half of Stripe''s limit.';
comment on column lapse.settings.payments_per_second_test is 'Payments per second in test mode, all of Lapse together.';
comment on column lapse.settings.cleanup_payments_per_second is 'The clean-up''s share of these payments per second, while it runs.';
comment on column lapse.settings.webhook_payments_per_second is 'The webhook''s share of these payments per second, while events arrive.';
comment on column lapse.settings.max_payments_per_order is 'The maximum number of payments of an order; further attachments are refused.';
comment on column lapse.settings.list_reach is 'How far back Lapse reads Stripe''s lists at most; an open order placed earlier is quarantined when Lapse first hears of it.';
comment on column lapse.settings.stale_age is 'A payment that names an unknown order is left alone until it is this old.';
comment on column lapse.settings.cleanup_scope is 'known: the clean-up cancels payments of known orders only; all: also those that name unknown orders.';
comment on column lapse.settings.disputed_payments is 'How to treat an open order whose payment is disputed: quarantine; or paid, as if there were no dispute.';
comment on column lapse.settings.late_payments is 'What to do about money for an order that Lapse expired. alert; revive_or_alert: reserve its stock again if there is enough, else alert; revive_or_refund: the same, else refund.';
comment on column lapse.settings.refund_surplus is 'Whether a payment beyond a paid order''s amount is refunded automatically.';
comment on column lapse.settings.refunds_per_day is 'More refunds than this on one UTC day wait for an operator.';
comment on column lapse.settings.refunded_per_day is 'Refunds beyond this sum of one currency on one UTC day, in minor units, wait for an operator.';
comment on column lapse.settings.start_patience is 'How long a dispatched run may take to begin before it is considered lost.';
comment on column lapse.settings.alert_after is 'This many missed, failed or growing runs in a row raise an alert.';
comment on column lapse.settings.slot_patience is 'How long after a weekly slot its run may complete before an alert is raised.';
comment on column lapse.settings.overdue_after is 'An order that waits longer than this for a decision raises an alert.';
comment on column lapse.settings.backlog_alert is 'A growing backlog of fewer orders than this raises no alert, because orders fall due while a run ends.';
comment on column lapse.settings.invariant_interval is 'How often the watch recounts decisions.';
comment on column lapse.settings.unfinished_after is 'An order that is still open this long after its deadline raises an alert.';
comment on column lapse.settings.runbook_url is 'Address of the runbook in alerts: set it to where your team reads it.';
comment on column lapse.settings.keep_cron_history is 'How long pg_cron''s records of Lapse''s own jobs are kept.';
comment on column lapse.settings.keep_runs is 'How long runs are kept after their end.';
comment on column lapse.settings.keep_decisions is 'How long decisions are kept; at least as long as their run.';
comment on column lapse.settings.keep_orders is 'How long closed orders stay in the ledger.';
comment on column lapse.settings.keep_payments is 'How long payments of closed orders stay known, so that late money is recognised.';
comment on column lapse.settings.keep_alerts is 'How long alerts are kept after they were resolved. Open ones stay.';
comment on column lapse.settings.keep_slots is 'How long claimed weekly slots are kept.';
comment on column lapse.settings.retention_batch is 'The maximum number of rows of one table that one call deletes, so that it never holds locks for long.';

-- Deadlines for orders that are watched without one, by payment method and channel. The most specific row wins.
create table lapse.deadline_policies (
  id bigint generated always as identity primary key,
  method text check (method <> ''),
  channel text check (channel <> ''),
  time_to_pay interval not null check (time_to_pay > interval '0' and time_to_pay <= interval '1 year'),
  constraint one_policy_each unique nulls not distinct (method, channel)
);

insert into lapse.deadline_policies (method, channel, time_to_pay) values
  (null, null, interval '30 minutes'),
  -- Vouchers and bank transfers are paid days after the customer chose them. An expiry that Stripe reports takes
  -- precedence.
  ('boleto', null, interval '7 days'),
  ('konbini', null, interval '7 days'),
  ('multibanco', null, interval '7 days'),
  ('oxxo', null, interval '7 days'),
  ('voucher', null, interval '7 days'),
  ('bank_transfer', null, interval '7 days'),
  ('customer_balance', null, interval '7 days');

comment on table lapse.deadline_policies is 'Time to pay by payment method and channel. The most specific row wins; the row without both is the default.';
comment on column lapse.deadline_policies.id is 'Number of the policy.';
comment on column lapse.deadline_policies.method is 'Payment method the row is for; empty: any.';
comment on column lapse.deadline_policies.channel is 'Sales channel the row is for; empty: any.';
comment on column lapse.deadline_policies.time_to_pay is 'Time from placing the order to its deadline, as the customer sees it.';
