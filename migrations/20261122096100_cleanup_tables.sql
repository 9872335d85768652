-- What the clean-up remembers: how far its sweep has come, and which payments it has to look at again.

-- Contract: one row per slice of Stripe's list, [created_from, created_to). A slice is walked from its newest payment to its oldest;
-- cursor and counts move in the transaction that settles the page, so that a run that dies loses nothing. At most one slice of a mode
-- is under way. Test and live mode have sweeps of their own.
create table public.job_sweeps (
  id bigint generated always as identity primary key,
  livemode boolean not null,
  created_from timestamptz not null,
  created_to timestamptz not null,
  cursor text,
  reached timestamptz not null,
  pages integer not null default 0,
  payments_seen integer not null default 0,
  own_payments_seen integer not null default 0,
  worked interval not null default interval '0',
  payments_per_second numeric,
  time_left interval,
  started_at timestamptz not null,
  continued_at timestamptz not null,
  finished_at timestamptz,
  constraint slice_goes_forward check (created_from < created_to),
  constraint reached_within_slice check (reached between created_from and created_to)
);

create unique index job_sweeps_under_way_idx on public.job_sweeps (livemode) where finished_at is null;
create index job_sweeps_latest_idx on public.job_sweeps (started_at desc);

comment on table public.job_sweeps is 'Slices of the clean-up''s sweep over Stripe''s list of payments: how far it has come, how fast, how long it will take.';
comment on column public.job_sweeps.id is 'Number of the slice.';
comment on column public.job_sweeps.livemode is 'The mode of the key the slice is read with.';
comment on column public.job_sweeps.created_from is 'Oldest creation time in the slice.';
comment on column public.job_sweeps.created_to is 'The slice ends before this creation time.';
comment on column public.job_sweeps.cursor is 'Last payment of the last settled page; the next page starts after it.';
comment on column public.job_sweeps.reached is 'Everything in the slice created after this has been seen.';
comment on column public.job_sweeps.pages is 'Pages read, of 100 payments each.';
comment on column public.job_sweeps.payments_seen is 'Payments on these pages.';
comment on column public.job_sweeps.own_payments_seen is 'Those with the shop''s own metadata.';
comment on column public.job_sweeps.worked is 'Time spent on the slice, pauses between runs not counted.';
comment on column public.job_sweeps.payments_per_second is 'Payments seen per second of that time.';
comment on column public.job_sweeps.time_left is 'Working time until the whole sweep is up to date, at the pace so far.';
comment on column public.job_sweeps.started_at is 'When a run first worked on the slice.';
comment on column public.job_sweeps.continued_at is 'When a run last worked on the slice.';
comment on column public.job_sweeps.finished_at is 'When the slice had been walked to its end; empty while it is under way.';

alter table public.job_sweeps enable row level security;
revoke all on table public.job_sweeps from public, anon, authenticated, service_role;
grant select on table public.job_sweeps to authenticated, service_role;

create policy "operators and viewers read sweeps" on public.job_sweeps
  for select to authenticated
  using (((select auth.jwt()) -> 'app_metadata' ->> 'jobs_role') in ('operator', 'viewer'));

-- Contract: the revisit list. A payment on it is read again, by itself, once it is due; no slice is ever read twice because of it.
-- ending_since is written before a payment is ended at Stripe: if the run dies before it can write what came of it, the next one
-- finds the payment here, reads it and gives the clean-up the credit.
create table jobs.revisits (
  livemode boolean not null,
  stripe_id text not null,
  stripe_account text not null default '',
  kind text not null check (kind in ('payment_intent', 'checkout_session')),
  order_id uuid,
  reason text not null,
  looks integer not null default 0,
  next_look_at timestamptz not null,
  ending_since timestamptz,
  first_seen_at timestamptz not null,
  primary key (livemode, stripe_id, stripe_account)
);

create index revisits_due_idx on jobs.revisits (livemode, next_look_at);

comment on table jobs.revisits is 'Payments that the clean-up has to look at again.';
comment on column jobs.revisits.stripe_account is 'Connected account the payment lives on; empty: the platform''s own.';
comment on column jobs.revisits.order_id is 'The order the payment names; it need not exist. Empty: the payment could not be read yet.';
comment on column jobs.revisits.reason is 'Why the payment was not decided for good.';
comment on column jobs.revisits.looks is 'How often it was looked at; sets how long the next wait is.';
comment on column jobs.revisits.ending_since is 'When the clean-up set out to end the payment.';

alter table jobs.revisits enable row level security;
revoke all on table jobs.revisits from public, anon, authenticated, service_role;
