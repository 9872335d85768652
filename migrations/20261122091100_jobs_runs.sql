-- Runs and their leases.
--
-- Contract: one row per execution of a job, whatever started it. At most one run of a job works at a time: it holds the
-- job's lease, and each new holder gets a higher fence. Whoever shows an old fence can change nothing.

create table public.job_runs (
  id uuid primary key default gen_random_uuid(),
  job text not null check (job in ('expire-stale-orders', 'cleanup-stale-payment-intents')),
  status text not null default 'queued'
    check (status in ('queued', 'running', 'succeeded', 'partial', 'failed', 'braked', 'skipped', 'lost')),
  trigger text not null check (trigger in ('schedule', 'operator', 'server', 'continuation')),
  requested_by text,
  reason text,
  dry_run boolean not null default false,
  item_limit integer check (item_limit > 0),
  order_id uuid,
  brake_released boolean not null default false,
  continues uuid references public.job_runs (id) on delete set null,
  fence bigint,
  created_at timestamptz not null default now(),
  started_at timestamptz,
  heartbeat_at timestamptz,
  finished_at timestamptz,
  duration_ms integer,
  error text,

  payments_expired integer not null default 0,
  payment_intents_canceled integer not null default 0,
  checkout_sessions_expired integer not null default 0,
  stock_released integer not null default 0,
  orders_paid integer not null default 0,
  orders_waiting integer not null default 0,
  orders_retried integer not null default 0,
  orders_quarantined integer not null default 0,
  late_payments integer not null default 0,
  payments_kept integer not null default 0,

  stripe_calls integer not null default 0,
  stripe_throttled integer not null default 0,
  backlog integer,
  oldest_due_at timestamptz,

  request_id bigint,
  response_status integer,
  response_error text,
  constraint finished_when_final check ((status in ('queued', 'running')) = (finished_at is null)),
  constraint release_needs_reason check (not brake_released or reason is not null)
);

create index job_runs_by_job_idx on public.job_runs (job, created_at desc);
create index job_runs_unfinished_idx on public.job_runs (created_at) where finished_at is null;
create index job_runs_continues_idx on public.job_runs (continues) where continues is not null;

comment on table public.job_runs is 'One row per run of a job: who started it, how it ended, what it did.';
comment on column public.job_runs.id is 'The run; repeating a request with the same id is harmless.';
comment on column public.job_runs.job is 'expire-stale-orders or cleanup-stale-payment-intents.';
comment on column public.job_runs.dry_run is 'Looked and decided, changed nothing.';
comment on column public.job_runs.brake_released is 'An operator let this run work although more orders were due than usual.';
comment on column public.job_runs.created_at is 'When the run was asked for.';
comment on column public.job_runs.started_at is 'When it began to work.';
comment on column public.job_runs.finished_at is 'When it ended; empty while it works.';
comment on column public.job_runs.error is 'Why it did not simply succeed.';
comment on column public.job_runs.status is
  'queued, running; succeeded; partial: out of time or some orders failed; failed; braked: too many due orders, nothing touched; skipped: another run was working; lost: died without a word.';
comment on column public.job_runs.trigger is 'schedule (pg_cron), operator (signed-in user), server (secret key), continuation (a run that ran out of time).';
comment on column public.job_runs.requested_by is 'The operator''s user id or the name of the secret key.';
comment on column public.job_runs.reason is 'Why an operator started the run or released the brake.';
comment on column public.job_runs.item_limit is 'Most orders this run may decide; empty: no limit.';
comment on column public.job_runs.order_id is 'The only order this run works on, for a manual synchronisation; empty: all that are due.';
comment on column public.job_runs.continues is 'The run whose work this one goes on with.';
comment on column public.job_runs.fence is 'Number of the lease. A run with an older number can settle nothing.';
comment on column public.job_runs.heartbeat_at is 'Last sign of life.';
comment on column public.job_runs.duration_ms is 'From start to end, in milliseconds.';
comment on column public.job_runs.payments_expired is 'Orders closed unpaid.';
comment on column public.job_runs.payment_intents_canceled is 'PaymentIntents that this run cancelled at Stripe.';
comment on column public.job_runs.checkout_sessions_expired is 'Checkout Sessions that this run expired at Stripe.';
comment on column public.job_runs.stock_released is 'Units of stock put back on the shelf.';
comment on column public.job_runs.orders_paid is 'Orders that turned out to be paid.';
comment on column public.job_runs.orders_waiting is 'Orders left open because a payment may still succeed.';
comment on column public.job_runs.orders_retried is 'Failed attempts that will be repeated.';
comment on column public.job_runs.orders_quarantined is 'Orders set aside for an operator.';
comment on column public.job_runs.late_payments is 'Payments that succeeded although their order is closed.';
comment on column public.job_runs.payments_kept is 'Payments looked at and left alone.';
comment on column public.job_runs.stripe_calls is 'Requests sent to Stripe, retries included.';
comment on column public.job_runs.stripe_throttled is 'Requests that Stripe refused for their rate.';
comment on column public.job_runs.backlog is 'Due orders left when the run ended, counted up to 100,000.';
comment on column public.job_runs.oldest_due_at is 'Since when the oldest of them is due.';
comment on column public.job_runs.request_id is 'Id of the HTTP request at pg_net, for scheduled runs.';
comment on column public.job_runs.response_status is 'HTTP status that pg_net saw.';
comment on column public.job_runs.response_error is 'Error or timeout that pg_net saw.';

alter table public.job_runs enable row level security;
revoke all on table public.job_runs from public, anon, authenticated, service_role;
grant select on table public.job_runs to authenticated, service_role;

create policy "operators and viewers read runs" on public.job_runs
  for select to authenticated
  using (((select auth.jwt()) -> 'app_metadata' ->> 'jobs_role') in ('operator', 'viewer'));

create table jobs.leases (
  job text primary key,
  fence bigint not null default 0,
  run_id uuid,
  lease_until timestamptz not null default '-infinity'
);

comment on table jobs.leases is 'Which run works on a job, and until when without a further sign of life.';
comment on column jobs.leases.fence is 'Grows with every new holder; see job_runs.fence.';

insert into jobs.leases (job) values ('expire-stale-orders'), ('cleanup-stale-payment-intents');

alter table jobs.leases enable row level security;
revoke all on table jobs.leases from public, anon, authenticated, service_role;

-- Contract: proves that the run still holds its job's lease and extends it. Raises LP001 otherwise. Every change a run makes
-- calls this first, in the same transaction: a takeover waits for the row until that transaction ends, and a run that was
-- taken over finds another fence and changes nothing.
create function jobs.hold_lease(p_run_id uuid, p_fence bigint, p_now timestamptz) returns public.job_runs
language plpgsql
set search_path = ''
as $$
declare
  v_run public.job_runs;
begin
  update jobs.leases l
  set lease_until = p_now + s.lease
  from jobs.settings s
  where l.run_id = p_run_id and l.fence = p_fence;
  if not found then
    raise exception 'Cannot go on with run % as it lost its lease: current value is held by %', p_run_id,
      coalesce((select l.run_id::text from jobs.leases l join public.job_runs r using (job) where r.id = p_run_id), 'nobody')
      using errcode = 'LP001';
  end if;

  update public.job_runs r set heartbeat_at = p_now where r.id = p_run_id returning * into strict v_run;
  return v_run;
end;
$$;

comment on function jobs.hold_lease(uuid, bigint, timestamptz) is 'Heartbeat and fence: extends a run''s lease, or raises LP001 when it is lost.';

revoke all on all functions in schema jobs from public;
