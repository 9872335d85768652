-- What the watch goes by, and when it last looked.

alter table jobs.settings
  add column start_patience interval not null default interval '2 minutes' check (start_patience >= interval '10 seconds'),
  add column alert_after integer not null default 3 check (alert_after between 1 and 100),
  add column slot_patience interval not null default interval '1 hour' check (slot_patience >= interval '1 minute'),
  add column overdue_after interval not null default interval '30 minutes' check (overdue_after >= interval '1 minute'),
  add column backlog_alert integer not null default 200 check (backlog_alert >= 0),
  add column throttle_window interval not null default interval '5 minutes' check (throttle_window >= interval '1 second'),
  add column invariant_interval interval not null default interval '15 minutes' check (invariant_interval >= interval '0');

comment on column jobs.settings.start_patience is 'How long a dispatched run may take to begin before it counts as lost.';
comment on column jobs.settings.alert_after is 'So many missed, failed or growing runs in a row raise an alert.';
comment on column jobs.settings.slot_patience is 'How long after a weekly slot its run may complete before an alert is raised.';
comment on column jobs.settings.overdue_after is 'An order that is due for longer raises an alert.';
comment on column jobs.settings.backlog_alert is 'A growing backlog of fewer orders raises no alert: orders fall due while a run ends.';
comment on column jobs.settings.throttle_window is 'How long an alert stays open after Stripe last slowed the call budget down.';
comment on column jobs.settings.invariant_interval is 'How often the watch counts stock and decisions anew.';

create table jobs.watch_state (
  only_row boolean primary key default true check (only_row),
  watched_at timestamptz not null default now(),
  invariants_checked_at timestamptz not null default '-infinity'
);

comment on table jobs.watch_state is 'When the watch last looked: exactly one row.';

insert into jobs.watch_state default values;

alter table jobs.watch_state enable row level security;
revoke all on table jobs.watch_state from public, anon, authenticated, service_role;

-- Contract: the settings. Raises when the row is gone: checks that found no threshold would find nothing wrong either.
create function jobs.watch_settings() returns jobs.settings
language plpgsql stable
set search_path = ''
as $$
declare
  v_settings jobs.settings;
begin
  select * into v_settings from jobs.settings;
  if not found then
    raise exception 'Cannot watch as jobs.settings has no row: current value is empty' using errcode = 'no_data_found';
  end if;
  return v_settings;
end;
$$;

comment on function jobs.watch_settings() is 'The settings; raises when the row is gone.';

-- Contract: a length of time as a person says it, in the largest unit that fits.
create function jobs.spell(p_interval interval) returns text
language sql immutable
set search_path = ''
as $$
  select case
    when x.minutes < 1 then 'less than a minute'
    when x.minutes < 120 then format('%s minute%s', x.minutes, case when x.minutes > 1 then 's' end)
    when x.minutes < 2880 then format('%s hours', x.minutes / 60)
    else format('%s days', x.minutes / 1440)
  end
  from (select floor(extract(epoch from p_interval) / 60)::bigint as minutes) x;
$$;

comment on function jobs.spell(interval) is 'A length of time in words, for messages.';

revoke all on all functions in schema jobs from public;
