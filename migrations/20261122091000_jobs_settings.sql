-- Settings of the jobs: one row, typed and checked, so that a nonsensical value is refused when it is set.
--
-- Operators change it in Studio's SQL editor: update jobs.settings set brake_threshold = 2000;
-- The functions read it at the start of each run and parse it again; a run without settings fails before it touches anything.

create table jobs.settings (
  only_row boolean primary key default true check (only_row),

  brake_threshold integer not null default 1000 check (brake_threshold > 0),
  lease interval not null default interval '2 minutes' check (lease between interval '15 seconds' and interval '1 hour'),
  run_seconds integer not null default 50 check (run_seconds between 5 and 300),
  claim_seconds integer not null default 40 check (claim_seconds between 1 and 290),
  -- as many as Stripe lists on one page: a page then serves a batch
  claim_batch integer not null default 100 check (claim_batch between 1 and 1000),

  max_attempts integer not null default 8 check (max_attempts between 1 and 100),
  backoff_base interval not null default interval '1 minute' check (backoff_base >= interval '1 second'),
  backoff_max interval not null default interval '6 hours' check (backoff_max >= interval '1 minute'),

  customer_action_grace interval not null default interval '5 minutes' check (customer_action_grace >= interval '0'),
  processing_recheck interval not null default interval '1 hour' check (processing_recheck >= interval '1 minute'),
  capture_recheck interval not null default interval '6 hours' check (capture_recheck >= interval '1 minute'),
  voucher_settle_grace interval not null default interval '3 days' check (voucher_settle_grace >= interval '0'),
  slow_method_window interval not null default interval '7 days' check (slow_method_window >= interval '1 hour'),

  stripe_endpoint_rate numeric not null default 20 check (stripe_endpoint_rate between 1 and 1000),
  stripe_account_limit_live numeric not null default 100 check (stripe_account_limit_live between 2 and 10000),
  stripe_account_limit_test numeric not null default 25 check (stripe_account_limit_test between 2 and 10000),

  constraint claiming_ends_before_the_run check (claim_seconds < run_seconds),
  -- What a run claims at its beginning is its own until its end; nobody extends the claim of an order.
  constraint run_fits_lease check (make_interval(secs => run_seconds) < lease),
  -- Two batches are under way at a time, with two calls per order; the claims must still be valid when they settle.
  constraint batch_fits_lease check (
    claim_batch * 2 * 2 / least(stripe_endpoint_rate, floor(stripe_account_limit_test / 2)) < extract(epoch from lease)
  ),
  constraint backoff_grows check (backoff_base <= backoff_max)
);

comment on table jobs.settings is 'Settings of both jobs: exactly one row.';
comment on column jobs.settings.brake_threshold is 'More due orders than this stop a run before it touches anything, until an operator releases the brake.';
comment on column jobs.settings.lease is 'How long a run holds its job and an order without a sign of life.';
comment on column jobs.settings.run_seconds is 'Time budget of one run, in seconds. Keep it well under the platform''s limit for a worker.';
comment on column jobs.settings.claim_seconds is 'After so many seconds a run claims nothing more, and hands over to a continuation.';
comment on column jobs.settings.claim_batch is 'Orders with payments that a run claims at a time.';
comment on column jobs.settings.max_attempts is 'Failed attempts in a row after which an order is quarantined.';
comment on column jobs.settings.backoff_base is 'Wait after the first failed attempt; doubles with each further one.';
comment on column jobs.settings.backoff_max is 'Longest wait between two attempts.';
comment on column jobs.settings.customer_action_grace is 'One extra wait for a customer found in 3-D Secure or a redirect.';
comment on column jobs.settings.processing_recheck is 'When to look again at a payment that is processing.';
comment on column jobs.settings.capture_recheck is 'When to look again at an authorised, uncaptured payment.';
comment on column jobs.settings.voucher_settle_grace is 'Time after a voucher''s own expiry in which its payment may still be reported.';
comment on column jobs.settings.slow_method_window is 'How long a bank transfer or another slow method is protected when it names no expiry of its own.';
comment on column jobs.settings.stripe_endpoint_rate is 'Calls per second to one Stripe endpoint. Stripe allows 25; the shop''s checkout needs the rest.';
comment on column jobs.settings.stripe_account_limit_live is 'The account''s limit in live mode, calls per second; the jobs take half of it.';
comment on column jobs.settings.stripe_account_limit_test is 'The account''s limit in test mode, calls per second; the jobs take half of it.';

insert into jobs.settings default values;

alter table jobs.settings enable row level security;
revoke all on table jobs.settings from public, anon, authenticated, service_role;

-- Contract: the settings a run needs, as JSON for the functions, intervals in seconds; null when the row is gone.
create function jobs.settings_json() returns jsonb
language sql stable
set search_path = ''
as $$
  select jsonb_build_object(
    'runSeconds', s.run_seconds,
    'claimSeconds', s.claim_seconds,
    'claimBatch', s.claim_batch,
    'customerActionGraceSeconds', extract(epoch from s.customer_action_grace),
    'processingRecheckSeconds', extract(epoch from s.processing_recheck),
    'captureRecheckSeconds', extract(epoch from s.capture_recheck),
    'voucherSettleGraceSeconds', extract(epoch from s.voucher_settle_grace),
    'slowMethodWindowSeconds', extract(epoch from s.slow_method_window)
  )
  from jobs.settings s;
$$;

comment on function jobs.settings_json() is 'The settings a run needs, as JSON; intervals in seconds.';

revoke all on all functions in schema jobs from public;
