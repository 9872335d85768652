-- The schedule: when each job ticks, and the functions that put it into pg_cron.
--
-- All jobs are installed switched off. `lapse enable`, or select lapse.enable_schedules(), turns them on once the
-- adapter is there. Operators change a schedule here, and pg_cron follows at once:
--   update lapse.schedules set active = false where job = 'expire-stale-orders';
-- After a restore, or whenever an alert says that pg_cron does something else:
--   select lapse.install_schedules();

create table lapse.schedules (
  job text primary key,
  cron text not null,
  active boolean not null default true,
  time_zone text,
  local_day integer check (local_day between 1 and 7),
  local_time time,
  catch_up interval check (catch_up between interval '0' and interval '6 days'),
  retry_after interval check (retry_after between interval '5 minutes' and interval '1 day'),
  enabled_at timestamptz,
  changed_at timestamptz not null default now(),
  constraint local_slot_complete check (
    num_nulls(time_zone, local_time, catch_up, retry_after) in (0, 4) and (time_zone is not null or local_day is null)
  ),
  constraint enabled_when_active check (not active or enabled_at is not null)
);

comment on table lapse.schedules is 'When each job ticks. A change reaches pg_cron at once.';
comment on column lapse.schedules.job is 'The job; pg_cron has it as lapse-<job>.';
comment on column lapse.schedules.cron is 'Five cron fields, in UTC.';
comment on column lapse.schedules.active is 'False pauses the job.';
comment on column lapse.schedules.time_zone is 'For a slot in local time: an IANA zone. Each tick checks whether a slot is due.';
comment on column lapse.schedules.local_day is 'Day of a weekly slot: 1 is Monday, 7 is Sunday. Empty: a slot on every day.';
comment on column lapse.schedules.local_time is 'Local time of the slot.';
comment on column lapse.schedules.catch_up is 'How long after a slot its run may still be started or repeated.';
comment on column lapse.schedules.retry_after is 'How long after a slot''s run failed or died it is repeated.';
comment on column lapse.schedules.enabled_at is 'When the job was first turned on, or its slot was last moved: earlier slots are ignored.';
comment on column lapse.schedules.changed_at is 'When the schedule was last changed: the watch does not expect earlier ticks.';

-- Refuses values that PostgreSQL or pg_cron would accept now but fail on later.
create function lapse.refuse_bad_schedule() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if new.job not in ('watch', 'retention') and not exists (select from lapse.jobs j where j.job = new.job) then
    raise exception 'Cannot schedule %: lapse.jobs has no such job', new.job using errcode = 'invalid_parameter_value';
  end if;
  -- The constraints refuse a null, by the column's name.
  if new.cron is not null and not exists (select from lapse.cron_ticks(p_cron => new.cron, p_until => now(), p_count => 1)) then
    raise exception 'Cannot schedule %: % would never tick', new.job, new.cron using errcode = 'invalid_parameter_value';
  end if;
  if new.time_zone is not null and not exists (select from pg_timezone_names z where z.name = new.time_zone) then
    raise exception 'Cannot schedule %: PostgreSQL does not know the time zone %', new.job, new.time_zone
      using errcode = 'invalid_parameter_value';
  end if;
  if new.active then
    new.enabled_at := coalesce(new.enabled_at, now());
  end if;
  if tg_op = 'UPDATE' and new.enabled_at = old.enabled_at
    and (new.time_zone, new.local_day, new.local_time) is distinct from (old.time_zone, old.local_day, old.local_time)
  then
    new.enabled_at := now();
  end if;
  if tg_op = 'UPDATE' and new.changed_at = old.changed_at then
    new.changed_at := now();
  end if;
  return new;
end;
$$;

create trigger refuse_bad_schedule before insert or update on lapse.schedules
  for each row execute function lapse.refuse_bad_schedule();

insert into lapse.schedules (job, cron, active, time_zone, local_day, local_time, catch_up, retry_after) values
  ('expire-stale-orders', '*/5 * * * *', false, null, null, null, null, null),
  ('cleanup-stale-payment-intents', '*/5 * * * *', false, 'Europe/Paris', 7, '03:00', interval '2 days', interval '1 hour'),
  ('watch', '* * * * *', true, null, null, null, null, null),
  ('retention', '7-59/10 * * * *', true, null, null, null, null, null);

-- Contract: the SQL that pg_cron runs for a schedule. It is a single statement, because a procedure that commits must
-- be alone.
create function lapse.schedule_command(p_schedule lapse.schedules) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select case
    when (p_schedule).job = 'watch' then 'call lapse.watch()'
    when (p_schedule).job = 'retention' then 'call lapse.retain()'
    when (p_schedule).time_zone is not null then format('select lapse.dispatch_due_slot(%L)', (p_schedule).job)
    else format('select lapse.dispatch(%L)', (p_schedule).job)
  end;
$$;

-- Contract: puts every schedule into pg_cron, or brings it up to date; safe to repeat, for example after a restore.
-- Returns the schedules.
create function lapse.install_schedules() returns table (job text, schedule text, active boolean)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_schedule lapse.schedules;
  v_job_id bigint;
begin
  for v_schedule in select * from lapse.schedules s order by s.job loop
    v_job_id := cron.schedule('lapse-' || v_schedule.job, v_schedule.cron, lapse.schedule_command(v_schedule));
    perform cron.alter_job(job_id => v_job_id, active => v_schedule.active);
    return query select v_schedule.job, v_schedule.cron, v_schedule.active;
  end loop;
end;
$$;
comment on function lapse.install_schedules() is 'Puts the schedules into pg_cron; run it again after a restore.';

-- A change of a schedule reaches pg_cron in the same transaction.
create function lapse.install_changed_schedules() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  perform lapse.install_schedules();
  return null;
end;
$$;

create trigger install_changed_schedules after update on lapse.schedules
  for each statement execute function lapse.install_changed_schedules();

-- Contract: turns all jobs on. Raises LP010 while the adapter is missing or does not fit: every run would fail. It
-- also revokes privileges that the adapter's migration left to the API's roles.
create function lapse.enable_schedules() returns table (job text, schedule text, active boolean)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_problem text := lapse.adapter_problem();
begin
  if v_problem is not null then
    raise exception 'Cannot enable the schedules: %', v_problem using errcode = 'LP010';
  end if;
  perform lapse.secure();
  update lapse.schedules s set active = true
  where s.job in (select j.job from lapse.jobs j) and not s.active;
  return query select * from lapse.install_schedules();
end;
$$;

create function lapse.pause_schedules() returns table (job text, schedule text, active boolean)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  update lapse.schedules s set active = false
  where s.job in (select j.job from lapse.jobs j) and s.active;
  return query select * from lapse.install_schedules();
end;
$$;
comment on function lapse.pause_schedules() is 'Turns all jobs off. The watch and the retention continue.';
