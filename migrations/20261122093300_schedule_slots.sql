-- Weekly slots in local time, each of them once: pg_cron ticks in UTC, and the first tick at or after a slot claims it.

create table jobs.schedule_slots (
  job text not null references jobs.schedules (job),
  slot_at timestamptz not null,
  claimed_at timestamptz not null,
  run_id uuid,
  primary key (job, slot_at)
);

comment on table jobs.schedule_slots is 'Weekly slots that were claimed. The key makes each of them happen once.';

alter table jobs.schedule_slots enable row level security;
revoke all on table jobs.schedule_slots from public, anon, authenticated, service_role;

-- Contract: the last slot of a weekly schedule at or before p_now. A local time that a change of the clocks skips or repeats is
-- resolved by PostgreSQL to one instant, so that each week has exactly one.
create function jobs.last_slot(p_schedule jobs.schedules, p_now timestamptz) returns timestamptz
language plpgsql stable
set search_path = ''
as $$
declare
  v_today date := (p_now at time zone p_schedule.time_zone)::date;
  v_day date := v_today - (extract(isodow from v_today)::integer - p_schedule.local_day + 7) % 7;
  v_slot_at timestamptz := (v_day + p_schedule.local_time) at time zone p_schedule.time_zone;
begin
  if v_slot_at > p_now then
    return (v_day - 7 + p_schedule.local_time) at time zone p_schedule.time_zone;
  end if;
  return v_slot_at;
end;
$$;

comment on function jobs.last_slot(jobs.schedules, timestamptz) is 'The last weekly slot at or before a moment.';

-- Contract: dispatches a weekly job if its last slot is due and nobody claimed it; returns the run's id or null. The first tick
-- at or after the slot claims it, whatever kept earlier ticks from happening. If dispatching fails, the claim goes with it.
create function jobs.dispatch_due_slot(p_job text, p_now timestamptz default now()) returns uuid
language plpgsql
set search_path = ''
as $$
declare
  v_schedule jobs.schedules;
  v_slot_at timestamptz;
  v_run_id uuid;
begin
  select * into v_schedule from jobs.schedules s where s.job = p_job and s.time_zone is not null;
  if not found then
    raise exception 'Cannot dispatch a slot of % as it has no weekly schedule: current value is none', p_job
      using errcode = 'invalid_parameter_value';
  end if;

  v_slot_at := jobs.last_slot(p_schedule => v_schedule, p_now => p_now);
  if v_slot_at < p_now - v_schedule.catch_up or v_slot_at < v_schedule.created_at then
    return null;
  end if;

  insert into jobs.schedule_slots (job, slot_at, claimed_at) values (p_job, v_slot_at, p_now) on conflict do nothing;
  if not found then
    return null;
  end if;
  v_run_id := jobs.dispatch(p_job => p_job, p_now => p_now);
  update jobs.schedule_slots s set run_id = v_run_id where s.job = p_job and s.slot_at = v_slot_at;
  return v_run_id;
end;
$$;

comment on function jobs.dispatch_due_slot(text, timestamptz) is 'Dispatches a weekly job once per slot. What pg_cron calls.';

revoke all on all functions in schema jobs from public;
