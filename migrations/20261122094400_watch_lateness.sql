-- The first check of the watch: what did not happen.
--
-- Each check is a function jobs.check_<kind> that returns the causes which hold now, and nothing else: opening, counting and closing
-- alerts is the watch's part. The watch adds "for how long" to each message, from `since` or else from the alert itself.

create type jobs.condition as (
  key text,
  job text,
  severity text,
  message text,
  since timestamptz,
  details jsonb
);

-- The last completed run of a job, however old, in one step. A run restricted to one order completes nothing: whoever presses
-- "synchronise" now and then would hide that nobody does the job.
create index job_runs_completed_idx on public.job_runs (job, finished_at desc)
  where status in ('succeeded', 'partial') and not dry_run and order_id is null;

-- Contract: when a run of the job last completed, after which moment one should have by now, and whether it is late. No row for a
-- schedule that is paused: that is intended. A job that ticks all the time is late after alert_after ticks without a completed run (the
-- present tick not counted), one with a weekly slot when slot_patience has passed since the slot. jobs-health asks this, too.
create function jobs.run_lateness(p_now timestamptz)
returns table (job text, completed_at timestamptz, expected_after timestamptz, late boolean)
language sql stable
set search_path = ''
as $$
  select s.job, c.finished_at, e.expected_after,
    e.expected_after > s.changed_at and e.expected_after > coalesce(c.finished_at, '-infinity')
  from jobs.schedules s
  cross join jobs.watch_settings() g
  cross join lateral (
    select case
      when s.time_zone is not null then jobs.last_slot(p_schedule => s, p_now => p_now - g.slot_patience)
      else (
        select min(t.tick)
        from jobs.cron_ticks(p_cron => s.cron, p_until => p_now, p_count => g.alert_after + 1) t (tick)
        having count(*) > g.alert_after
      )
    end as expected_after
  ) e
  left join lateral (
    select r.finished_at
    from public.job_runs r
    where r.job = s.job and r.status in ('succeeded', 'partial') and not r.dry_run and r.order_id is null
    order by r.finished_at desc
    limit 1
  ) c on true
  where s.active and s.job not in ('jobs-watch', 'jobs-retention');
$$;

comment on function jobs.run_lateness(timestamptz) is 'For each scheduled job: when a run last completed, and whether the next is late.';

create function jobs.check_no_success(p_now timestamptz) returns setof jobs.condition
language sql stable
set search_path = ''
as $$
  select 'no_success:' || l.job, l.job, 'critical', format('No run of %s has completed', l.job),
    coalesce(l.completed_at, l.expected_after), jsonb_build_object('lastCompletedAt', l.completed_at, 'expectedAfter', l.expected_after)
  from jobs.run_lateness(p_now) l
  where l.late
    -- While the brake is on no run completes, and the brake has an alert of its own.
    and not exists (select from public.job_alerts a where a.key = 'brake:' || l.job and a.resolved_at is null);
$$;

comment on function jobs.check_no_success(timestamptz) is 'L001: jobs without a completed run when there should be one.';

revoke all on all functions in schema jobs from public;
