-- The schedule: which job ticks when, and the command that puts it into pg_cron.
--
-- Operators change it here, and pg_cron follows at once:
--   update jobs.schedules set active = false where job = 'expire-stale-orders';
-- After a restore, or whenever an alert says that pg_cron does something else:
--   select jobs.install_schedules();

create table jobs.schedules (
  job text primary key
    constraint known_job
    check (job in ('expire-stale-orders', 'cleanup-stale-payment-intents', 'jobs-watch', 'jobs-retention')),
  cron text not null,
  active boolean not null default true,
  time_zone text,
  local_day integer check (local_day between 1 and 7),
  local_time time,
  catch_up interval check (catch_up between interval '0' and interval '6 days'),
  created_at timestamptz not null default now(),
  changed_at timestamptz not null default now(),
  constraint local_slot_complete check (num_nulls(time_zone, local_day, local_time, catch_up) in (0, 4))
);

comment on table jobs.schedules is 'When each job ticks. A change reaches pg_cron at once.';
comment on column jobs.schedules.cron is 'Five cron fields, in UTC.';
comment on column jobs.schedules.active is 'False pauses the job.';
comment on column jobs.schedules.changed_at is 'Since when it is as it is: the watch misses no run from before.';
comment on column jobs.schedules.time_zone is 'For a weekly slot in local time: an IANA zone. Each tick looks whether a slot is due.';
comment on column jobs.schedules.local_day is 'Day of the weekly slot: 1 is Monday, 7 is Sunday.';
comment on column jobs.schedules.local_time is 'Local time of the weekly slot.';
comment on column jobs.schedules.catch_up is 'A slot missed for longer than this is not made up for.';

-- Everything about a schedule that PostgreSQL or pg_cron would take now and stumble over later. Better to hear of it when it is set.
create function jobs.refuse_bad_schedule() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  if not exists (select from jobs.cron_ticks(p_cron => new.cron, p_until => now(), p_count => 1)) then
    raise exception 'Cannot schedule % as it would never tick: current value is %', new.job, new.cron
      using errcode = 'invalid_parameter_value';
  end if;
  if new.time_zone is not null and not exists (
    select from pg_catalog.pg_timezone_names z where z.name = new.time_zone
  ) then
    raise exception 'Cannot schedule % in this time zone as PostgreSQL does not know it: current value is %', new.job, new.time_zone
      using errcode = 'invalid_parameter_value';
  end if;
  if tg_op = 'UPDATE' and new.changed_at = old.changed_at then
    new.changed_at := now();
  end if;
  return new;
end;
$$;

comment on function jobs.refuse_bad_schedule() is 'Refuses a cron expression or a time zone that cannot work, and notes the time of a change.';

create trigger refuse_bad_schedule before insert or update on jobs.schedules
  for each row execute function jobs.refuse_bad_schedule();

insert into jobs.schedules (job, cron, time_zone, local_day, local_time, catch_up) values
  ('expire-stale-orders', '*/5 * * * *', null, null, null, null),
  ('cleanup-stale-payment-intents', '*/5 * * * *', 'Europe/Paris', 7, '03:00', interval '2 days'),
  ('jobs-watch', '* * * * *', null, null, null, null),
  ('jobs-retention', '7-59/10 * * * *', null, null, null, null);

alter table jobs.schedules enable row level security;
revoke all on table jobs.schedules from public, anon, authenticated, service_role;

-- Contract: the SQL that pg_cron runs for a schedule.
create function jobs.schedule_command(p_schedule jobs.schedules) returns text
language sql immutable
set search_path = ''
as $$
  select case
    when (p_schedule).job = 'jobs-watch' then 'select jobs.watch()'
    when (p_schedule).job = 'jobs-retention' then 'select jobs.retain()'
    when (p_schedule).time_zone is not null then format('select jobs.dispatch_due_slot(%L)', (p_schedule).job)
    else format('select jobs.dispatch(%L)', (p_schedule).job)
  end;
$$;

comment on function jobs.schedule_command(jobs.schedules) is 'The SQL that pg_cron runs for a schedule.';

-- Contract: puts every schedule into pg_cron, or brings it up to date; safe to repeat, for example after a restore. Answers what
-- is scheduled now.
create function jobs.install_schedules()
returns table (job text, schedule text, active boolean)
language plpgsql
set search_path = ''
as $$
declare
  v_schedule jobs.schedules;
  v_job_id bigint;
begin
  for v_schedule in select * from jobs.schedules s order by s.job loop
    v_job_id := cron.schedule(v_schedule.job, v_schedule.cron, jobs.schedule_command(v_schedule));
    perform cron.alter_job(job_id => v_job_id, active => v_schedule.active);
    return query select v_schedule.job, v_schedule.cron, v_schedule.active;
  end loop;
end;
$$;

comment on function jobs.install_schedules() is 'Puts the schedules into pg_cron; run it again after a restore.';

create function jobs.install_changed_schedules() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  perform jobs.install_schedules();
  return null;
end;
$$;

comment on function jobs.install_changed_schedules() is 'A change of a schedule reaches pg_cron in the same transaction.';

create trigger install_changed_schedules after update on jobs.schedules
  for each statement execute function jobs.install_changed_schedules();

revoke all on all functions in schema jobs from public;
