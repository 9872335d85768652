-- Slots in local time, weekly or daily; each is used once. pg_cron ticks in UTC, and the first tick at or after a slot
-- claims it.
--
-- If a slot's run fails, later ticks repeat it within the schedule's catch-up: at once if it never began, after
-- retry_after if it failed or died.

create table lapse.schedule_slots (
  job text not null references lapse.schedules (job),
  slot_at timestamptz not null,
  claimed_at timestamptz not null,
  attempts integer not null default 1,
  run_id uuid,
  primary key (job, slot_at)
);

comment on table lapse.schedule_slots is 'Claimed slots. The key ensures that each is used once.';
comment on column lapse.schedule_slots.job is 'The job.';
comment on column lapse.schedule_slots.slot_at is 'The slot.';
comment on column lapse.schedule_slots.claimed_at is 'When a tick last dispatched a run for it.';
comment on column lapse.schedule_slots.attempts is 'How many runs were dispatched for it, continuations not counted.';
comment on column lapse.schedule_slots.run_id is 'The last of these runs.';

-- Contract: the last slot of a schedule at or before p_now. A local time that a change of the clocks skips or repeats
-- is resolved by PostgreSQL to one instant, so that each week, or day without local_day, has exactly one.
create function lapse.last_slot(p_schedule lapse.schedules, p_now timestamptz) returns timestamptz
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_today date := (p_now at time zone p_schedule.time_zone)::date;
  v_every integer := case when p_schedule.local_day is null then 1 else 7 end;
  v_day date := v_today - coalesce((extract(isodow from v_today)::integer - p_schedule.local_day + 7) % 7, 0);
  v_slot_at timestamptz := (v_day + p_schedule.local_time) at time zone p_schedule.time_zone;
begin
  if v_slot_at > p_now then
    return (v_day - v_every + p_schedule.local_time) at time zone p_schedule.time_zone;
  end if;
  return v_slot_at;
end;
$$;

-- Contract: whether the work of a claimed slot needs another run. The last link of its chain of runs decides (runs of
-- operators are not part of it), and only while no run of the job is under way:
--   the slot's own run never began, or found another run at work: at once. That run may have had a smaller limit.
--   the link failed, died or was lost: after retry_after, unless a run of the job completed since.
--   anything else: no. The brake waits for an operator, and the watch resumes a broken chain (lapse.resume_chains).
create function lapse.slot_needs_run(p_slot lapse.schedule_slots, p_retry_after interval, p_now timestamptz) returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(bool_or(case
    when r.status = 'skipped' or r.status = 'lost' and r.started_at is null
      then r.id = (p_slot).run_id or r.created_at <= p_now - p_retry_after
    when r.status in ('failed', 'lost') then r.created_at <= p_now - p_retry_after and not exists (
      select from lapse.runs c
      where c.job = r.job and c.status in ('succeeded', 'partial') and not c.dry_run and c.ref is null and c.finished_at > r.finished_at
    )
    else false
  end), false)
  from (
    select r.*
    from lapse.runs r
    where r.job = (p_slot).job and r.created_at >= (p_slot).claimed_at and r.trigger in ('schedule', 'continuation')
      and not r.dry_run and r.ref is null
    order by r.created_at desc
    limit 1
  ) r
  where not exists (select from lapse.runs u where u.job = r.job and u.finished_at is null and not u.dry_run);
$$;

-- Contract: dispatches a job with slots if its last slot is due and was not claimed, or if the slot's run must be
-- repeated; returns the run's id or null. The first tick at or after the slot claims it, whatever prevented earlier
-- ticks. If dispatching fails, the claim is rolled back, too.
create function lapse.dispatch_due_slot(p_job text, p_now timestamptz default now()) returns uuid
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_schedule lapse.schedules;
  v_slot lapse.schedule_slots;
  v_slot_at timestamptz;
  v_run_id uuid;
begin
  select * into v_schedule from lapse.schedules s where s.job = p_job and s.time_zone is not null;
  if not found then
    raise exception 'Cannot dispatch a slot of %: it has no slots', p_job using errcode = 'invalid_parameter_value';
  end if;

  v_slot_at := lapse.last_slot(p_schedule => v_schedule, p_now => p_now);
  if v_slot_at < p_now - v_schedule.catch_up or v_slot_at < coalesce(v_schedule.enabled_at, 'infinity') then
    return null;
  end if;

  insert into lapse.schedule_slots (job, slot_at, claimed_at) values (p_job, v_slot_at, p_now) on conflict do nothing;
  if not found then
    select * into strict v_slot
    from lapse.schedule_slots s where s.job = p_job and s.slot_at = v_slot_at for no key update;
    if not lapse.slot_needs_run(p_slot => v_slot, p_retry_after => v_schedule.retry_after, p_now => p_now) then
      return null;
    end if;
  end if;

  v_run_id := lapse.dispatch(p_job => p_job, p_now => p_now);
  update lapse.schedule_slots s
  set run_id = v_run_id, claimed_at = p_now, attempts = s.attempts + (v_slot.job is not null)::integer
  where s.job = p_job and s.slot_at = v_slot_at;
  return v_run_id;
end;
$$;
