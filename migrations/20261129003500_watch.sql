-- The watch: notices missing and failed runs. It uses only SQL, so it works even if the functions do not.
--
-- pg_cron calls lapse.watch every minute. It does its work in parts, and each part is a separate transaction:
--   a part that fails raises an alert and holds up none of the others
--   a part that is cut off (a time limit, pg_cancel_backend, a crash) rolls back none of the others; the next watch
--   raises an alert and runs that part last until it completes
--   rows are locked no longer than their part takes; while it counts, the watch locks none that a run needs.
-- lapse-health, called from outside, notices a watch that stopped, and so does the dead man's switch (lapse.ping).

alter table lapse.watch_state add column part text, add column pid integer;
comment on column lapse.watch_state.part is 'The part under way, or the part in which the last watch was cut off.';
comment on column lapse.watch_state.pid is 'Server process that executes it.';

create table lapse.watch_parts (
  part text primary key,
  position integer not null unique,
  seldom boolean not null default false,
  done_at timestamptz,
  cut_off_at timestamptz
);

insert into lapse.watch_parts (part, position, seldom) values
  ('collect_responses', 1, false), ('mark_lost_runs', 2, false), ('resume_chains', 3, false),
  ('repair_drift', 200, true), ('check:drift', 201, true), ('check:invariant', 202, true), ('check:privileges', 203, true),
  ('send_alerts', 300, false), ('note_watch', 301, false);
insert into lapse.watch_parts (part, position)
select 'check:' || k.kind, 100 + row_number() over (order by k.rank, k.code)
from lapse.alert_kinds k
where k.nature = 'check' and k.kind not in ('drift', 'invariant', 'privileges', 'watch_failed');

comment on table lapse.watch_parts is 'The parts of the watch, in their order.';
comment on column lapse.watch_parts.part is 'check:<kind of alert>, or the name of a function.';
comment on column lapse.watch_parts.position is 'Its position in the order.';
comment on column lapse.watch_parts.seldom is 'True: runs only every settings.invariant_interval, because it reads more than others.';
comment on column lapse.watch_parts.done_at is 'When it last completed.';
comment on column lapse.watch_parts.cut_off_at is 'When it was last found cut off; empty once it completes.';

-- Contract: brings the alerts of one kind in line with what lapse.check_<kind> finds now: opens, counts, closes.
create function lapse.apply_check(p_kind text, p_now timestamptz) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_conditions lapse.condition[];
begin
  execute format('select coalesce(array_agg(c), ''{}'') from lapse.%I($1) c', 'check_' || p_kind) into v_conditions using p_now;

  perform lapse.raise_alert(
    p_key => c.key, p_job => c.job, p_severity => c.severity, p_message => c.message, p_details => c.details, p_now => p_now,
    p_since => c.since
  )
  from unnest(v_conditions) c;

  perform lapse.resolve_alert(p_key => a.key, p_now => p_now)
  from lapse.alerts a
  where a.resolved_at is null
    and split_part(a.key, ':', 1) = p_kind
    and not exists (select from unnest(v_conditions) c where c.key = a.key);
end;
$$;

-- Records that the watch finished.
create function lapse.note_watch(p_now timestamptz) returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  update lapse.watch_state w set watched_at = p_now where w.only_row;
$$;

-- Contract: the parts to run now, in order. Parts that were cut off before come last, so that they do not delay the
-- others. Empty while another watch is working. A part that an earlier watch left unfinished raises an alert.
create function lapse.begin_watch(p_now timestamptz) returns text[]
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_state lapse.watch_state;
  v_parts text[];
begin
  select * into v_state from lapse.watch_state w for no key update skip locked;
  if not found then
    return '{}'::text[];
  end if;
  -- Between two parts no transaction holds the row, although the other watch is still working.
  if v_state.part is not null and not exists (
    select
    from pg_stat_activity a
    where a.pid = v_state.pid and a.pid <> pg_backend_pid() and a.state = 'active' and a.query ilike '%lapse.watch%'
  ) then
    perform lapse.raise_alert(
      p_key => 'watch_failed:' || v_state.part, p_job => 'watch', p_severity => 'critical',
      p_message => format('The watch was cut off in its part %s', v_state.part),
      p_details => jsonb_build_object('cause', 'a time limit, a cancelled query or a crash ended it'), p_now => p_now
    );
    update lapse.watch_parts p set cut_off_at = p_now where p.part = v_state.part;
  end if;

  if exists (select from lapse.settings) then
    perform lapse.resolve_alert(p_key => 'watch_failed:settings', p_now => p_now);
  end if;
  -- Without settings every part is due, and each reports the missing row.
  v_parts := array(
    select p.part
    from lapse.watch_parts p
    left join lapse.settings s on true
    where not p.seldom or greatest(p.done_at, p.cut_off_at) is null or s.invariant_interval is null
      or greatest(p.done_at, p.cut_off_at) <= p_now - s.invariant_interval
      -- the clock was set back
      or greatest(p.done_at, p.cut_off_at) > p_now
    order by p.cut_off_at is not null, p.position
  );
  update lapse.watch_state w set part = v_parts[1], pid = pg_backend_pid() where w.only_row;
  return v_parts;
end;
$$;

-- Contract: runs one part of the watch. A failure becomes an alert; so does a lock that is held too long. p_next is
-- the part that follows, recorded in the same transaction. Returns false if another watch is working; this one then
-- stops.
create function lapse.watch_part(p_part text, p_now timestamptz default now(), p_next text default null) returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
begin
  -- Two watches at once would send each message twice.
  perform from lapse.watch_state w for no key update skip locked;
  if not found then
    return false;
  end if;

  begin
    if p_part like 'check:%' then
      perform lapse.apply_check(p_kind => split_part(p_part, ':', 2), p_now => p_now);
    else
      execute format('select lapse.%I($1)', p_part) using p_now;
    end if;
    update lapse.watch_parts p set done_at = p_now, cut_off_at = null
    where p.part = p_part and (p.seldom or p.cut_off_at is not null);
    perform lapse.resolve_alert(p_key => 'watch_failed:' || p_part, p_now => p_now);
  exception when others then
    -- the next watch tries again, however seldom the part is
    update lapse.watch_parts p set done_at = null where p.part = p_part and p.seldom;
    perform lapse.raise_alert(
      -- without settings every part fails, which is one incident
      p_key => 'watch_failed:' || case when exists (select from lapse.settings) then p_part else 'settings' end,
      p_job => 'watch', p_severity => 'critical', p_message => format('The watch cannot run its part %s', p_part),
      p_details => jsonb_build_object('cause', format('%s (%s)', sqlerrm, sqlstate)), p_now => p_now
    );
  end;
  update lapse.watch_state w set part = p_next where w.only_row;
  return true;
end;
$$;

-- One pass of the watch. It may be called manually at any time, but not inside a transaction, because it commits after
-- each part. Therefore it cannot set a search_path and uses only qualified names.
create procedure lapse.watch(p_now pg_catalog.timestamptz default pg_catalog.now())
language plpgsql
as $$
declare
  v_parts pg_catalog.text[];
  v_part pg_catalog.text;
  v_next pg_catalog.text;
begin
  v_parts := lapse.begin_watch(p_now);
  commit;
  while v_parts[1] is not null loop
    v_part := v_parts[1];
    v_next := v_parts[2];
    v_parts := v_parts[2:];
    exit when lapse.watch_part(v_part, p_now, v_next) is not true;
    commit;
  end loop;
end;
$$;
comment on procedure lapse.watch(timestamptz) is
  'Notices missing and failed runs, raises and closes alerts, notifies the webhook. pg_cron calls it: call lapse.watch()';
