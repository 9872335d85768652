-- Alerts: everything that needs an operator.
--
-- One open alert per cause (key). Raising an open one again counts it; resolving closes it; raising it later opens a
-- new one. The part of a key before the colon is its kind. Each kind has a number, under which docs/payments-ops.md
-- says what to do.

-- `check` means that the watch decides whether the alert is open, by lapse.check_<kind>; `event` means that something
-- happened once, and only an operator can close it.
--
-- One incident is one alert: `follows` names the kinds that explain this one. While such an alert is open for the same
-- job and is at least as severe, no alert of this kind opens, and an open one becomes part of it. The watch checks
-- kinds by rank, so that it finds causes first.
create table lapse.alert_kinds (
  kind text primary key check (kind ~ '^[a-z_]+$'),
  code text not null unique check (code ~ '^L\d{3}$'),
  nature text not null check (nature in ('check', 'event')),
  title text not null,
  command text not null,
  advice text not null,
  rank integer not null default 1,
  follows text[] not null default '{}' check (follows = '{}' or rank > 1)
);

comment on table lapse.alert_kinds is 'Every kind of alert, with its number in the runbook, and what to do about it.';
comment on column lapse.alert_kinds.kind is 'The part of an alert''s key before the colon.';
comment on column lapse.alert_kinds.code is 'Number in docs/payments-ops.md.';
comment on column lapse.alert_kinds.nature is 'check: opens and closes automatically; event: an operator closes it.';
comment on column lapse.alert_kinds.title is 'What an alert of this kind means.';
comment on column lapse.alert_kinds.command is 'The next command of the operator; {ref}, {runId} and {job} stand for those of the alert.';
comment on column lapse.alert_kinds.advice is 'What to do, in a sentence or two.';
comment on column lapse.alert_kinds.rank is 'Order in which the watch checks: causes come first.';
comment on column lapse.alert_kinds.follows is 'Kinds of a lower rank that explain this one: while they are open, it is part of them.';

insert into lapse.alert_kinds (code, kind, nature, title, command, advice) values
  ('L001', 'no_success', 'check', 'No run completed when it should have', 'lapse doctor',
    'Stock of unpaid orders is not released. The doctor names what has stopped (pg_cron, the request, or the function) and how to fix it. '
      'Until then start runs manually: lapse run {job} --wait'),
  ('L002', 'failing', 'check', 'Several runs in a row failed or were lost', 'lapse runs {runId}',
    'Correct what the cause names: the Stripe key, a variable of the functions, the database. The next run then continues automatically.'),
  ('L003', 'run_failed', 'check', 'A run failed', 'lapse runs {runId}',
    'Nothing yet: nothing was lost, and the next run continues. If that one fails as well, correct what the cause names.'),
  ('L004', 'dispatch_refused', 'check', 'The function refuses the scheduler''s requests', 'lapse doctor',
    '401 or 404: deploy the functions if they are missing, then lapse enable writes their address and secret into Vault. Otherwise read the '
      'function''s log. Until then start runs manually: lapse run {job} --wait'),
  ('L005', 'tick_failed', 'check', 'A tick of pg_cron failed before it could request a run', 'lapse doctor',
    'No run is requested. If the cause names a Vault entry, this writes both: lapse enable'),
  ('L006', 'schedule_missing', 'check', 'pg_cron does not do what lapse.schedules says', 'lapse doctor',
    'In the SQL editor: select lapse.install_schedules(); A job that another role owns must be unscheduled by that role.'),
  ('L007', 'brake', 'check', 'The brake is on', 'lapse run {job} --dry-run',
    'Find out why so many orders are due. If the dry run is right, release them: lapse run {job} --wait --release-brake --reason TEXT'),
  ('L008', 'overdue', 'check', 'An order has waited too long for a decision', 'lapse order {ref}',
    'Its stock is held. Remove the cause; the next run then decides. To decide at once: lapse sync {ref} --reason TEXT'),
  ('L009', 'backlog_growing', 'check', 'The backlog grows from run to run', 'lapse runs --job {job}',
    'Normal in a flash sale. Otherwise raise Lapse''s share of Stripe''s 100 calls a second, in the SQL editor: '
      'update lapse.settings set payments_per_second_live = N where only_row;'),
  ('L010', 'quarantined', 'check', 'Orders are quarantined', 'lapse orders --quarantined',
    'Their stock is held until a person decides. lapse order {ref} says what its reason means, and the commands: redrive once the cause is '
      'fixed, resolve --as paid if you saw the money, resolve --as expired if it will never arrive.'),
  ('L011', 'throttled', 'check', 'Stripe keeps refusing calls for rate or concurrency', 'lapse runs',
    'In Stripe''s dashboard under Developers, Logs, find out who else makes calls. Or lower Lapse''s share, in the SQL editor: '
      'update lapse.settings set payments_per_second_live = N where only_row;'),
  ('L012', 'invariant', 'check', 'An invariant of the database is violated', 'lapse doctor',
    'Find out who changed Lapse''s tables without its functions. If nobody did, report it.'),
  ('L013', 'paid_twice', 'event', 'An order was paid by two payments', 'lapse order {ref}',
    'Refund the surplus in Stripe''s dashboard.'),
  ('L014', 'late_payment', 'event', 'A payment succeeded although its order is closed', 'lapse order {ref}',
    'Fulfil the order if there is stock, or refund the payment in Stripe''s dashboard.'),
  ('L015', 'webhook_failing', 'check', 'Alerts do not reach the webhook', 'lapse alerts',
    'Nobody is notified of alerts. Set another address: select lapse.set_alert_webhook(…);'),
  ('L016', 'watch_failed', 'check', 'A part of the watch itself failed', 'lapse doctor',
    'The problems that it would detect go unnoticed. Correct what the cause names.'),
  ('L017', 'payments_unclear', 'event', 'Payments of closed orders need an operator', 'lapse order {ref}',
    'Find the payment in Stripe''s dashboard, and cancel or refund it there.'),
  ('L018', 'adapter', 'check', 'The shop''s adapter is missing or does not fit', 'lapse enable --test',
    'No run works. Restore what is missing in schema lapse_shop: a migration of the shop has probably dropped or changed it.'),
  ('L019', 'inbox', 'check', 'The inbox has an entry that Lapse cannot interpret', 'lapse order {ref}',
    'Correct the shop''s row or the trigger''s arguments, then delete from lapse.inbox where error is not null;'),
  ('L020', 'list_unread', 'check', 'A list of payments at Stripe cannot be read', 'lapse doctor',
    'server_error or a timeout: Stripe has trouble (status.stripe.com), and Lapse continues automatically afterwards. 401: set STRIPE_SECRET_KEY. '
      '403: grant the key PaymentIntents and Checkout Sessions, or reconnect the account. '
      'clock_differs: correct the clock of the machine that runs the database.'),
  ('L021', 'processing_long', 'check', 'A payment has been processing for a very long time', 'lapse order {ref}',
    'Its stock is held. Ask Stripe''s support about the payment.'),
  ('L022', 'drift', 'check', 'Shop and ledger disagree', 'lapse doctor',
    'Run lapse enable if it is open_and_not_watched. In the SQL editor: payment_not_attached: select lapse.attach_payment(…); watched_and_not_open: '
      'select lapse.follow_order(…); open_and_closed: close it in the shop. Then find out who bypassed the triggers.'),
  ('L023', 'privileges', 'check', 'A role has privileges that differ from what Lapse grants', 'lapse doctor',
    'In the SQL editor: select lapse.secure();'),
  ('L024', 'ping_failing', 'check', 'The dead man''s switch cannot be called', 'lapse doctor',
    'No monitor would notice if the jobs stopped. Set the right address: select lapse.set_ping_url(…);'),
  ('L025', 'unfinished', 'check', 'An order is still open long after its deadline', 'lapse order {ref}',
    'Its stock is held. Capture or cancel the payment in Stripe''s dashboard, or close the order: lapse resolve {ref} --as paid --reason TEXT'),
  ('L026', 'refund_failed', 'event', 'A refund failed', 'lapse refunds',
    'The shop still has the money. Pay it back another way, or correct what the cause names and try again: lapse refunds --release {ref} --reason TEXT'),
  ('L027', 'refunds_held', 'check', 'Refunds wait for an operator', 'lapse refunds',
    'Today''s refunds exceed what the settings allow. If they are right: lapse refunds --release held --reason TEXT'),
  ('L028', 'revive_failed', 'event', 'The shop''s adapter failed to revive an order', 'lapse order {ref}',
    'Correct lapse_shop.revive_order: the cause has its error. The order''s money was treated like any other late payment.');

update lapse.alert_kinds k
set rank = x.rank, follows = x.follows
from (values
  ('failing', 2, '{adapter,dispatch_refused}'::text[]),
  ('no_success', 3, '{adapter,brake,schedule_missing,tick_failed,dispatch_refused,failing}'),
  ('run_failed', 4, '{adapter,dispatch_refused,failing,no_success}'),
  ('overdue', 4, '{adapter,brake,schedule_missing,tick_failed,dispatch_refused,failing,no_success,list_unread}'),
  ('backlog_growing', 5, '{adapter,brake,dispatch_refused,failing,no_success,list_unread,throttled,overdue}')
) x (kind, rank, follows)
where k.kind = x.kind;

create table lapse.alerts (
  id bigint generated always as identity primary key,
  key text not null check (key <> ''),
  code text references lapse.alert_kinds (code),
  job text,
  severity text not null check (severity in ('warning', 'critical')),
  message text not null,
  object text not null,
  cause text,
  command text not null,
  advice text not null,
  runbook text not null,
  stripe_url text,
  details jsonb not null default '{}',
  since timestamptz not null,
  occurrences integer not null default 1,
  first_seen_at timestamptz not null,
  last_seen_at timestamptz not null,
  resolved_at timestamptz,
  resolved_by text,
  resolved_reason text,
  part_of text references lapse.alert_kinds (code)
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
comment on column lapse.alerts.object is 'What it concerns: order, amount, payment; or how many orders, with examples.';
comment on column lapse.alerts.cause is 'Why, as the platform reported it.';
comment on column lapse.alerts.command is 'The next command of the operator.';
comment on column lapse.alerts.advice is 'What to do, in a sentence or two.';
comment on column lapse.alerts.runbook is 'Its entry in the runbook.';
comment on column lapse.alerts.stripe_url is 'The payment in Stripe''s dashboard, if it is about one.';
comment on column lapse.alerts.since is 'When the cause began, which may be before it was noticed.';
comment on column lapse.alerts.details is 'Ids, amounts and limits behind the message.';
comment on column lapse.alerts.occurrences is 'How often it was seen while open.';
comment on column lapse.alerts.first_seen_at is 'When it was raised.';
comment on column lapse.alerts.last_seen_at is 'When it was last seen.';
comment on column lapse.alerts.resolved_at is 'When the cause was gone; empty while the alert is open.';
comment on column lapse.alerts.resolved_by is 'The operator who closed it; empty: it closed automatically.';
comment on column lapse.alerts.resolved_reason is 'Why the operator closed it.';
comment on column lapse.alerts.part_of is 'Number of the open alert that explains it and continues the incident.';

-- Contract: formats an amount in minor units as EUR 49.90. Null without a currency.
create function lapse.spell_amount(p_amount bigint, p_currency text) returns text
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_unit numeric := lapse.minor_units(p_amount => 1, p_currency => p_currency);
begin
  return upper(p_currency) || ' ' || round(p_amount / v_unit, log(v_unit)::integer);
end;
$$;

-- Contract: describes what an alert concerns, from its details. These may have `ref` (of the order), `refs` (up to
-- five of `count`), `amount` with `currency`, `amounts` (sums by currency), `payments` (ids) and `runId`.
create function lapse.alert_object(p_job text, p_details jsonb) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(nullif(concat_ws(', ',
    'order ' || (p_details ->> 'ref'),
    (
      select case when count(*) = 1 then 'order ' else 'orders ' end || string_agg(r.ref, ', ' order by r.n)
        || case when (p_details ->> 'count')::bigint > count(*) then format(' and %s more', (p_details ->> 'count')::bigint - count(*)) else '' end
      from jsonb_array_elements_text(p_details -> 'refs') with ordinality r (ref, n)
      having count(*) > 0
    ),
    lapse.spell_amount(p_amount => (p_details ->> 'amount')::bigint, p_currency => p_details ->> 'currency'),
    (
      select string_agg(lapse.spell_amount(p_amount => m.value::bigint, p_currency => m.key), ' and ' order by m.key)
      from jsonb_each_text(p_details -> 'amounts') m
    ),
    (
      select case when count(*) = 1 then 'payment ' else 'payments ' end || string_agg(p.id, ', ' order by p.n)
      from jsonb_array_elements_text(p_details -> 'payments') with ordinality p (id, n)
      having count(*) > 0
    ),
    case when not p_details ?| '{ref,refs}' then 'run ' || (p_details ->> 'runId') end
  ), ''), 'job ' || p_job, 'the whole project');
$$;

-- Contract: where Stripe's dashboard shows the first of an alert's payments; null without one. A Checkout Session has
-- no page there, so the link searches for it.
create function lapse.stripe_link(p_details jsonb) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_id text := p_details #>> '{payments,0}';
begin
  if v_id is null then
    return null;
  end if;
  return 'https://dashboard.stripe.com/'
    || coalesce((select p.account || '/' from lapse.payments p where p.stripe_id = v_id and p.account <> ''), '')
    || case when v_id like 'cs\_test\_%' or v_id not like 'cs\_live\_%' and not coalesce(lapse.mode_of_runs(), true) then 'test/' else '' end
    || case when v_id like 'cs\_%' then 'search?query=' else 'payments/' end || v_id;
end;
$$;

-- Contract: an alert's next command, from alert_kinds. If a placeholder has no value, it is the doctor's command.
create function lapse.alert_command(p_command text, p_job text, p_details jsonb) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(replace(replace(replace(p_command,
    '{job}', case when strpos(p_command, '{job}') > 0 then split_part(p_job, '-', 1) else '' end),
    '{runId}', case when strpos(p_command, '{runId}') > 0 then p_details ->> 'runId' else '' end),
    -- quoted for a shell where that is necessary
    '{ref}', case
      when strpos(p_command, '{ref}') = 0 then ''
      when x.ref ~ '^[A-Za-z0-9_.:@/+][A-Za-z0-9_.:@/+-]*$' then x.ref
      else '''' || replace(x.ref, '''', '''\''''') || ''''
    end
  ), 'lapse doctor')
  from (select coalesce(p_details ->> 'ref', p_details #>> '{refs,0}') as ref) x;
$$;

-- Contract: opens the alert of a cause (p_key), or counts it again. The alert's kind and p_details supply everything
-- that an operator needs: `cause` in the platform's own words, `count` of what it concerns, and what
-- lapse.alert_object reads. p_since is when the cause began, if known. While an open alert explains this one
-- (lapse.alert_kinds.follows), this one becomes part of it instead.
create function lapse.raise_alert(
  p_key text,
  p_job text,
  p_severity text,
  p_message text,
  p_details jsonb,
  p_now timestamptz default now(),
  p_since timestamptz default null
) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_kind lapse.alert_kinds;
  v_details jsonb := coalesce(p_details, '{}');
  v_part_of text;
begin
  select * into v_kind from lapse.alert_kinds k where k.kind = split_part(p_key, ':', 1);
  select a.code into v_part_of
  from lapse.alerts a
  join lapse.alert_kinds k on k.code = a.code
  where a.resolved_at is null and k.kind = any (v_kind.follows) and (a.job is null or a.job = p_job)
    and (a.severity = 'critical' or p_severity = 'warning')
  order by k.rank, a.id
  limit 1;
  if v_part_of is not null then
    update lapse.alerts a set resolved_at = p_now, part_of = v_part_of where a.key = p_key and a.resolved_at is null;
    return;
  end if;

  insert into lapse.alerts as a (
    key, code, job, severity, message, object, cause, command, advice, runbook, stripe_url, details, since, first_seen_at, last_seen_at
  )
  values (
    p_key, v_kind.code, p_job, p_severity, p_message, lapse.alert_object(p_job => p_job, p_details => v_details), v_details ->> 'cause',
    lapse.alert_command(p_command => coalesce(v_kind.command, 'lapse doctor'), p_job => p_job, p_details => v_details),
    lapse.alert_command(p_command => coalesce(v_kind.advice, 'See the runbook'), p_job => p_job, p_details => v_details),
    coalesce((select s.runbook_url from lapse.settings s), 'docs/payments-ops.md')
      || coalesce(format('#%s-%s', lower(v_kind.code), v_kind.kind), ''),
    lapse.stripe_link(p_details => v_details), v_details, coalesce(p_since, p_now), p_now, p_now
  )
  on conflict (key) where resolved_at is null do update
  set occurrences = a.occurrences + 1,
      last_seen_at = excluded.last_seen_at,
      severity = excluded.severity,
      message = excluded.message,
      object = excluded.object,
      cause = excluded.cause,
      command = excluded.command,
      advice = excluded.advice,
      runbook = excluded.runbook,
      stripe_url = excluded.stripe_url,
      details = excluded.details,
      since = coalesce(p_since, a.since);
end;
$$;
comment on function lapse.raise_alert(text, text, text, text, jsonb, timestamptz, timestamptz) is
  'Opens the alert of a cause, or counts it again.';

create function lapse.resolve_alert(p_key text, p_now timestamptz default now()) returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  update lapse.alerts a set resolved_at = p_now where a.key = p_key and a.resolved_at is null;
$$;
comment on function lapse.resolve_alert(text, timestamptz) is 'Closes the open alert of a cause, if there is one.';

-- An operator closes the alert of an event, and gives a reason. Raises 22023 without one, PT404 for an unknown alert,
-- PT409 for one that is closed, or that the watch would open again because its cause is still there. Returns the
-- alert.
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
    raise exception 'Cannot resolve alert %: % closes automatically when its cause is gone', p_id, v_alert.key
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
