-- Decisions: what runs did with orders and payments, and why. jobs.record_decisions alone writes them.

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
