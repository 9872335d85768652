-- Kinds of alerts: the part of an alert's key before the colon, with the number under which docs/payments-ops.md says what to do.
--
-- `check` means that the watch decides whether the alert is open, by jobs.check_<kind>; `event` that something happened once, which only
-- an operator can close.

create table jobs.alert_kinds (
  kind text primary key check (kind ~ '^[a-z_]+$'),
  code text not null unique check (code ~ '^L\d{3}$'),
  nature text not null check (nature in ('check', 'event')),
  title text not null
);

comment on table jobs.alert_kinds is 'Every kind of alert, with its number in the runbook.';

insert into jobs.alert_kinds (kind, code, nature, title) values
  ('no_success', 'L001', 'check', 'No run completed when it should have'),
  ('failing', 'L002', 'check', 'Several runs in a row failed or got lost'),
  ('run_failed', 'L003', 'check', 'A run failed'),
  ('dispatch_refused', 'L004', 'check', 'The function refuses the scheduler''s requests'),
  ('tick_failed', 'L005', 'check', 'A tick of pg_cron failed before it could ask for a run'),
  ('schedule_missing', 'L006', 'check', 'pg_cron does not do what jobs.schedules says'),
  ('brake', 'L007', 'check', 'The brake is on'),
  ('overdue', 'L008', 'check', 'An order is due for too long'),
  ('backlog_growing', 'L009', 'check', 'The backlog grows from run to run'),
  ('quarantined', 'L010', 'check', 'Orders are set aside'),
  ('throttled', 'L011', 'check', 'Stripe slows the jobs down'),
  ('invariant', 'L012', 'check', 'A promise of the database is broken'),
  ('paid_twice', 'L013', 'event', 'An order was paid by two payments'),
  ('late_payment', 'L014', 'event', 'A payment succeeded although its order is expired'),
  ('webhook_failing', 'L015', 'check', 'Alerts do not reach the webhook'),
  ('watch_failed', 'L016', 'check', 'A part of the watch itself failed');

alter table jobs.alert_kinds enable row level security;
revoke all on table jobs.alert_kinds from public, anon, authenticated, service_role;

alter table public.job_alerts
  add column code text,
  add column resolved_by text,
  add column resolved_reason text;

comment on column public.job_alerts.code is 'Number of the alert''s kind in docs/payments-ops.md.';
comment on column public.job_alerts.resolved_by is 'The operator who closed it; empty: it closed by itself.';
comment on column public.job_alerts.resolved_reason is 'Why the operator closed it.';

create function jobs.number_alert() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.code := (select k.code from jobs.alert_kinds k where k.kind = split_part(new.key, ':', 1));
  return new;
end;
$$;

comment on function jobs.number_alert() is 'Gives a new alert the number of its kind; none if the kind is unknown.';

create trigger number_alert before insert on public.job_alerts
  for each row execute function jobs.number_alert();

-- Contract: an operator closes the alert of an event, with a reason. Raises 22023 without one, PT404 for an unknown alert, PT409 for one
-- that is closed or that the watch would only open again: its cause has to go. Returns the alert.
create function public.jobs_resolve_alert(
  p_id bigint,
  p_reason text,
  p_requested_by text,
  p_now timestamptz default now()
) returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_alert public.job_alerts;
begin
  if coalesce(btrim(p_reason), '') = '' or coalesce(btrim(p_requested_by), '') = '' then
    raise exception 'Cannot resolve alert without a reason and a name: current value is empty' using errcode = 'invalid_parameter_value';
  end if;
  select * into v_alert from public.job_alerts a where a.id = p_id for update;
  if not found then
    raise exception 'Cannot resolve alert as it does not exist: current value is %', p_id using errcode = 'PT404';
  end if;
  if v_alert.resolved_at is not null then
    raise exception 'Cannot resolve alert % as it is closed: current value is %', p_id, v_alert.resolved_at using errcode = 'PT409';
  end if;
  if exists (
    select from jobs.alert_kinds k where k.kind = split_part(v_alert.key, ':', 1) and k.nature = 'check'
  ) then
    raise exception 'Cannot resolve alert % as it closes by itself when its cause is gone: current value is %', p_id, v_alert.key
      using errcode = 'PT409';
  end if;

  update public.job_alerts a
  set resolved_at = p_now, resolved_by = p_requested_by, resolved_reason = p_reason
  where a.id = p_id
  returning * into v_alert;
  return to_jsonb(v_alert);
end;
$$;

comment on function public.jobs_resolve_alert(bigint, text, text, timestamptz) is
  'Closes the alert of an event, with a reason. For the operator''s tools (secret key) only.';

revoke all on all functions in schema jobs from public;
revoke all on function public.jobs_resolve_alert(bigint, text, text, timestamptz) from public, anon, authenticated;
grant execute on function public.jobs_resolve_alert(bigint, text, text, timestamptz) to service_role;
