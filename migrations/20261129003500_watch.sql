-- The watch: notices what did not happen, in SQL alone, so that it works when the functions do not.
--
-- pg_cron calls lapse.watch every minute. It does its work in parts, and each part is a separate transaction:
--   a part that fails raises an alert and holds up none of the others
--   a part that is cut off (a time limit, pg_cancel_backend, a crash) takes nothing with it that the others did; the next watch says so and
--   does that part last from then on, until it gets through
--   rows are held no longer than their part takes; while it counts, the watch holds none that a run needs.
-- lapse-health, called from outside, notices a watch that stopped, and so does the dead man's switch (lapse.ping).

alter table lapse.watch_state add column part text, add column pid integer;
comment on column lapse.watch_state.part is 'The part under way; left behind by a watch that was cut off.';
comment on column lapse.watch_state.pid is 'Process of the server that works on it.';

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
comment on column lapse.watch_parts.part is 'check:<kind of alert>, or the function that does it.';
comment on column lapse.watch_parts.position is 'Its place in the order.';
comment on column lapse.watch_parts.seldom is 'True: only every settings.invariant_interval, because it reads more than others.';
comment on column lapse.watch_parts.done_at is 'When it last got through.';
comment on column lapse.watch_parts.cut_off_at is 'When it was last found cut off; empty once it got through.';

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
comment on function lapse.apply_check(text, timestamptz) is 'Opens, counts and closes the alerts of one kind.';

create function lapse.note_watch(p_now timestamptz) returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  update lapse.watch_state w set watched_at = p_now where w.only_row;
$$;
comment on function lapse.note_watch(timestamptz) is 'Notes that the watch came to its end.';

-- Contract: the parts to do now, in order: those that are due, with those that were cut off before at the end, so that
-- they delay none of the others. Empty while another watch is working. A part that an earlier watch left unfinished is
-- an alert.
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
  -- Between two parts no transaction holds the row, but the other watch is still working.
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
  -- Without settings everything is due, and says so.
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
comment on function lapse.begin_watch(timestamptz) is 'The parts that the watch does now, in order.';

-- Contract: one part of the watch. A failure becomes an alert. p_next is the part that follows, noted in the same
-- transaction. Returns false if another watch is working: this one leaves the rest to it. A lock that somebody holds
-- for long is a failure, too.
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
      p_job => 'watch', p_severity => 'critical', p_message => format('The watch cannot do its part %s', p_part),
      p_details => jsonb_build_object('cause', format('%s (%s)', sqlerrm, sqlstate)), p_now => p_now
    );
  end;
  update lapse.watch_state w set part = p_next where w.only_row;
  return true;
end;
$$;
comment on function lapse.watch_part(text, timestamptz, text) is 'One part of the watch; its failure becomes an alert.';

-- One look at everything. Harmless to call at any time by hand, but not inside a transaction: it commits after each part. For that reason it
-- can have no search_path of its own; it uses nothing but qualified names.
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
  'Notices what did not happen, raises and closes alerts, tells the webhook. What pg_cron calls: call lapse.watch()';
