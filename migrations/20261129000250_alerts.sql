-- Alerts: what an operator has to know.
--
-- One open alert per cause (key). Raising an open one again counts it; resolving closes it; raising it later opens a new one.
-- The part of a key before the colon is its kind, which has the number under which docs/payments-ops.md says what to do.

-- `check` means that the watch decides whether the alert is open, by lapse.check_<kind>; `event` means that something happened once,
-- which only an operator can close.
create table lapse.alert_kinds (
  kind text primary key check (kind ~ '^[a-z_]+$'),
  code text not null unique check (code ~ '^L\d{3}$'),
  nature text not null check (nature in ('check', 'event')),
  title text not null
);

comment on table lapse.alert_kinds is 'Every kind of alert, with its number in the runbook.';
comment on column lapse.alert_kinds.kind is 'The part of an alert''s key before the colon.';
comment on column lapse.alert_kinds.code is 'Number in docs/payments-ops.md.';
comment on column lapse.alert_kinds.nature is 'check: opens and closes by itself; event: an operator closes it.';
comment on column lapse.alert_kinds.title is 'What an alert of this kind means.';

insert into lapse.alert_kinds (kind, code, nature, title) values
  ('no_success', 'L001', 'check', 'No run completed when it should have'),
  ('failing', 'L002', 'check', 'Several runs in a row failed or got lost'),
  ('run_failed', 'L003', 'check', 'A run failed'),
  ('dispatch_refused', 'L004', 'check', 'The function refuses the scheduler''s requests'),
  ('tick_failed', 'L005', 'check', 'A tick of pg_cron failed before it could request a run'),
  ('schedule_missing', 'L006', 'check', 'pg_cron does not do what lapse.schedules says'),
  ('brake', 'L007', 'check', 'The brake is on'),
  ('overdue', 'L008', 'check', 'An order has waited too long for a decision'),
  ('backlog_growing', 'L009', 'check', 'The backlog grows from run to run'),
  ('quarantined', 'L010', 'check', 'Orders are quarantined'),
  ('throttled', 'L011', 'check', 'Stripe keeps refusing calls for rate or concurrency'),
  ('invariant', 'L012', 'check', 'A promise of the database is broken'),
  ('paid_twice', 'L013', 'event', 'An order was paid by two payments'),
  ('late_payment', 'L014', 'event', 'A payment succeeded although its order is closed'),
  ('webhook_failing', 'L015', 'check', 'Alerts do not reach the webhook'),
  ('watch_failed', 'L016', 'check', 'A part of the watch itself failed'),
  ('payments_unclear', 'L017', 'event', 'Payments of closed orders need a person'),
  ('adapter', 'L018', 'check', 'The shop''s adapter is missing or does not fit'),
  ('inbox', 'L019', 'check', 'The inbox holds an entry that Lapse cannot interpret'),
  ('list_unread', 'L020', 'check', 'A list of payments at Stripe cannot be read'),
  ('processing_long', 'L021', 'check', 'A payment has been processing for very long'),
  ('drift', 'L022', 'check', 'Shop and ledger disagree'),
  ('privileges', 'L023', 'check', 'Somebody may do more, or less, than Lapse grants'),
  ('refund_failed', 'L026', 'event', 'A refund failed'),
  ('refunds_held', 'L027', 'check', 'Refunds wait for an operator'),
  ('revive_failed', 'L028', 'event', 'The shop''s adapter failed to revive an order');

create table lapse.alerts (
  id bigint generated always as identity primary key,
  key text not null check (key <> ''),
  code text references lapse.alert_kinds (code),
  job text,
  severity text not null check (severity in ('warning', 'critical')),
  message text not null,
  details jsonb not null default '{}',
  occurrences integer not null default 1,
  first_seen_at timestamptz not null,
  last_seen_at timestamptz not null,
  resolved_at timestamptz,
  resolved_by text,
  resolved_reason text
);

create unique index alerts_open_idx on lapse.alerts (key) where resolved_at is null;
create index alerts_resolved_idx on lapse.alerts (resolved_at) where resolved_at is not null;

comment on table lapse.alerts is 'What needs an operator. One open row per cause; docs/payments-ops.md says what to do.';
comment on column lapse.alerts.id is 'Number of the alert.';
comment on column lapse.alerts.key is 'The cause, for example brake:expire-stale-orders.';
comment on column lapse.alerts.code is 'Number of the alert''s kind in docs/payments-ops.md.';
comment on column lapse.alerts.job is 'The job it concerns; empty: both, or the shop.';
comment on column lapse.alerts.severity is 'warning or critical.';
comment on column lapse.alerts.message is 'What happened, in one sentence.';
comment on column lapse.alerts.details is 'Ids, amounts and limits behind the message.';
comment on column lapse.alerts.occurrences is 'How often it was seen while open.';
comment on column lapse.alerts.first_seen_at is 'When it was raised.';
comment on column lapse.alerts.last_seen_at is 'When it was last seen.';
comment on column lapse.alerts.resolved_at is 'When the cause was gone; empty while the alert is open.';
comment on column lapse.alerts.resolved_by is 'The operator who closed it; empty: it closed by itself.';
comment on column lapse.alerts.resolved_reason is 'Why the operator closed it.';

create function lapse.raise_alert(
  p_key text,
  p_job text,
  p_severity text,
  p_message text,
  p_details jsonb,
  p_now timestamptz default now()
) returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  insert into lapse.alerts as a (key, code, job, severity, message, details, first_seen_at, last_seen_at)
  values (
    p_key, (select k.code from lapse.alert_kinds k where k.kind = split_part(p_key, ':', 1)),
    p_job, p_severity, p_message, coalesce(p_details, '{}'), p_now, p_now
  )
  on conflict (key) where resolved_at is null do update
  set occurrences = a.occurrences + 1,
      last_seen_at = excluded.last_seen_at,
      severity = excluded.severity,
      message = excluded.message,
      details = excluded.details;
$$;
comment on function lapse.raise_alert(text, text, text, text, jsonb, timestamptz) is
  'Opens the alert of a cause, or counts it again.';

create function lapse.resolve_alert(p_key text, p_now timestamptz default now()) returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  update lapse.alerts a set resolved_at = p_now where a.key = p_key and a.resolved_at is null;
$$;
comment on function lapse.resolve_alert(text, timestamptz) is 'Closes the open alert of a cause, if there is one.';

-- An operator closes the alert of an event, with a reason. Raises 22023 without one, PT404 for an unknown alert, PT409 for one that is
-- closed, or that the watch would open again because its cause is still there. Returns the alert.
create function lapse.resolve_alert(
  p_id bigint,
  p_reason text,
  p_requested_by text,
  p_now timestamptz default now()
) returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_alert lapse.alerts;
begin
  if coalesce(btrim(p_reason), '') = '' or coalesce(btrim(p_requested_by), '') = '' then
    raise exception 'Cannot resolve alert: a reason and the name of the operator are required'
      using errcode = 'invalid_parameter_value';
  end if;
  select * into v_alert from lapse.alerts a where a.id = p_id for no key update;
  if not found then
    raise exception 'Cannot resolve alert %: it does not exist', p_id using errcode = 'PT404';
  end if;
  if v_alert.resolved_at is not null then
    raise exception 'Cannot resolve alert %: it was closed at %', p_id, v_alert.resolved_at using errcode = 'PT409';
  end if;
  if exists (select from lapse.alert_kinds k where k.code = v_alert.code and k.nature = 'check') then
    raise exception 'Cannot resolve alert %: % closes by itself when its cause is gone', p_id, v_alert.key
      using errcode = 'PT409';
  end if;

  update lapse.alerts a
  set resolved_at = p_now, resolved_by = p_requested_by, resolved_reason = p_reason
  where a.id = p_id
  returning * into v_alert;
  return to_jsonb(v_alert);
end;
$$;
comment on function lapse.resolve_alert(bigint, text, text, timestamptz) is
  'Closes the alert of an event, with an operator''s reason.';

create function public.lapse_resolve_alert(p_id bigint, p_reason text, p_requested_by text) returns jsonb
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
  select lapse.resolve_alert(p_id => p_id, p_reason => p_reason, p_requested_by => p_requested_by, p_now => now());
$$;
comment on function public.lapse_resolve_alert(bigint, text, text) is
  'Closes the alert of an event, with a reason. For the operator''s tools (secret key) only.';
