-- Alerts: what an operator has to know.
--
-- Contract: one open alert per cause (key). Raising an open one again counts it; resolving closes it; raising it later opens
-- a new one. Raising never fails because of the alert itself.

create table public.job_alerts (
  id bigint generated always as identity primary key,
  key text not null,
  job text,
  severity text not null check (severity in ('warning', 'critical')),
  message text not null,
  details jsonb not null default '{}',
  occurrences integer not null default 1,
  first_seen_at timestamptz not null,
  last_seen_at timestamptz not null,
  resolved_at timestamptz
);

create unique index job_alerts_open_idx on public.job_alerts (key) where resolved_at is null;

comment on table public.job_alerts is 'What needs an operator. One open row per cause; docs/payments-ops.md says what to do.';
comment on column public.job_alerts.id is 'Number of the alert.';
comment on column public.job_alerts.job is 'The job it concerns; empty: both, or the shop.';
comment on column public.job_alerts.severity is 'warning or critical.';
comment on column public.job_alerts.details is 'Ids, amounts and limits behind the message.';
comment on column public.job_alerts.first_seen_at is 'When it was raised.';
comment on column public.job_alerts.last_seen_at is 'When it was last seen.';
comment on column public.job_alerts.key is 'The cause, for example brake:expire-stale-orders.';
comment on column public.job_alerts.message is 'What happened, in one sentence.';
comment on column public.job_alerts.occurrences is 'How often it was seen while open.';
comment on column public.job_alerts.resolved_at is 'When the cause was gone; empty while the alert is open.';

alter table public.job_alerts enable row level security;
revoke all on table public.job_alerts from public, anon, authenticated, service_role;
grant select on table public.job_alerts to authenticated, service_role;

create policy "operators and viewers read alerts" on public.job_alerts
  for select to authenticated
  using (((select auth.jwt()) -> 'app_metadata' ->> 'jobs_role') in ('operator', 'viewer'));

create function jobs.raise_alert(
  p_key text,
  p_job text,
  p_severity text,
  p_message text,
  p_details jsonb,
  p_now timestamptz
) returns void
language sql
set search_path = ''
as $$
  insert into public.job_alerts as a (key, job, severity, message, details, first_seen_at, last_seen_at)
  values (p_key, p_job, p_severity, p_message, coalesce(p_details, '{}'), p_now, p_now)
  on conflict (key) where resolved_at is null do update
  set occurrences = a.occurrences + 1,
      last_seen_at = excluded.last_seen_at,
      message = excluded.message,
      details = excluded.details;
$$;

create function jobs.resolve_alert(p_key text, p_now timestamptz) returns void
language sql
set search_path = ''
as $$
  update public.job_alerts a set resolved_at = p_now where a.key = p_key and a.resolved_at is null;
$$;

comment on function jobs.raise_alert(text, text, text, text, jsonb, timestamptz) is 'Opens the alert of a cause, or counts it again.';
comment on function jobs.resolve_alert(text, timestamptz) is 'Closes the open alert of a cause, if there is one.';

revoke all on all functions in schema jobs from public;
