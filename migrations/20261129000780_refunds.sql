-- Refunds that Lapse makes if the shop's settings say so.
--
-- The transaction that records late money also queues its refund, so neither exists without the other. The next run of
-- expire-stale-orders carries it out (execute_refunds). A row is kept as long as its payment, so that no payment is
-- refunded twice.

create table lapse.refunds (
  id uuid primary key default gen_random_uuid(),
  stripe_id text collate "C" not null unique,
  ref text collate "C" not null,
  account text not null default '',
  -- order_expired: money for a closed order; paid_twice: money beyond a paid order's amount
  reason text not null check (reason in ('order_expired', 'paid_twice')),
  status text not null default 'queued' check (status in ('queued', 'pending', 'succeeded', 'failed', 'not_needed')),
  amount bigint check (amount > 0),
  currency text,
  intent text collate "C",
  refund_id text collate "C",
  error text,
  attempts integer not null default 0 check (attempts >= 0),
  key_number integer not null default 1 check (key_number > 0),
  run_id uuid,
  held_since timestamptz,
  next_attempt_at timestamptz,
  released_by text,
  released_because text,
  created_at timestamptz not null,
  ended_at timestamptz,
  constraint ended_when_final check ((status in ('succeeded', 'failed', 'not_needed')) = (ended_at is not null)),
  constraint attempted_unless_held_or_final check ((next_attempt_at is null) = (held_since is not null or ended_at is not null)),
  constraint held_while_queued check (held_since is null or status = 'queued')
);

create index refunds_due_idx on lapse.refunds (next_attempt_at) where next_attempt_at is not null;
create index refunds_held_idx on lapse.refunds (held_since) where held_since is not null;
create index refunds_failed_idx on lapse.refunds (created_at) where status = 'failed';
create index refunds_created_idx on lapse.refunds (created_at);
create index refunds_ref_idx on lapse.refunds (ref);

comment on table lapse.refunds is 'Refunds that Lapse makes, one row per payment. The settings late_payments and refund_surplus decide.';
comment on column lapse.refunds.id is 'Number of the refund; the refund at Stripe carries it in its metadata as lapse_refund.';
comment on column lapse.refunds.stripe_id is 'The payment that is refunded.';
comment on column lapse.refunds.ref is 'The order that it paid for.';
comment on column lapse.refunds.account is 'Connected account of the payment; empty: the platform''s own.';
comment on column lapse.refunds.reason is 'order_expired: money for a closed order; paid_twice: money beyond a paid order''s amount.';
comment on column lapse.refunds.status is
  'queued: a run carries it out, unless it is held; pending: Stripe waits for a bank; succeeded; failed: an operator decides; not_needed: its order was paid before a run took it.';
comment on column lapse.refunds.amount is 'The refunded amount, in the currency''s minor unit; empty until Stripe was asked.';
comment on column lapse.refunds.currency is 'ISO 4217 code in lower case.';
comment on column lapse.refunds.intent is 'The PaymentIntent whose charge is refunded; for a Checkout Session, the session''s own.';
comment on column lapse.refunds.refund_id is 'Id of the refund at Stripe: re_….';
comment on column lapse.refunds.error is 'Why the last attempt did not succeed.';
comment on column lapse.refunds.attempts is 'How often a run took it since an operator last released it. The result of an earlier attempt is ignored.';
comment on column lapse.refunds.key_number is
  'Part of the idempotency key at Stripe: kept while the outcome of a call is unknown, raised after a definite refusal.';
comment on column lapse.refunds.run_id is 'The last run that took it.';
comment on column lapse.refunds.held_since is 'Since when it waits for an operator, because the day''s limit was reached.';
comment on column lapse.refunds.next_attempt_at is 'When a run may take it; empty: held or final.';
comment on column lapse.refunds.released_by is 'The operator who released it.';
comment on column lapse.refunds.released_because is 'Why the operator released it.';
comment on column lapse.refunds.created_at is 'When the money was recorded.';
comment on column lapse.refunds.ended_at is 'When it succeeded, failed or was dropped as not needed.';

-- Contract: whether money of this payment is being refunded: by its own row, or by that of its session or intent.
create function lapse.is_being_refunded(p_stripe_id text, p_ref text) returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select exists (
    select from lapse.refunds r
    left join lapse.payments refunded on refunded.stripe_id = r.stripe_id
    left join lapse.payments asked on asked.stripe_id = p_stripe_id
    where r.ref = p_ref and r.status <> 'not_needed' and (
      p_stripe_id in (r.stripe_id, r.intent, refunded.evidence ->> 'intent', refunded.evidence ->> 'session')
      or r.stripe_id in (asked.evidence ->> 'intent', asked.evidence ->> 'session')
    )
  );
$$;
