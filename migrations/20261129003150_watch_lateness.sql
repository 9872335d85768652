-- The first check of the watch: runs that are missing.

-- Contract: when a run of the job last completed, when the next should have completed, and whether it is late. There is
-- no row for a schedule that was never turned on. lapse-health uses this as well.
--   A job that runs at intervals is late after alert_after ticks without a completed run, not counting the present
--   tick. While paused it is not expected to run.
--   A job with a slot is late when slot_patience has passed since the slot; or, once a tick has dispatched a run for
--   it, when alert_after attempts failed or no further one was made. A slot counts as missed until a run completes, even
--   if the job is paused; a slot missed during a pause is reported after the pause.
create function lapse.run_lateness(p_now timestamptz)
returns table (job text, completed_at timestamptz, expected_after timestamptz, late boolean)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select s.job, c.finished_at, e.expected_after,
    e.expected_after > coalesce(c.finished_at, '-infinity') and case
      when s.time_zone is null then s.active and e.expected_after > s.changed_at
      else e.expected_after >= s.enabled_at
        and (s.active or exists (select from lapse.alerts a where a.key = 'no_success:' || s.job and a.resolved_at is null))
        and not exists (
          select
          from lapse.schedule_slots t
          where t.job = s.job and t.slot_at = e.expected_after and s.active and t.attempts <= g.alert_after
            and t.claimed_at > p_now - s.retry_after - g.slot_patience
        )
    end
  from lapse.schedules s
  cross join lapse.watch_settings() g
  cross join lateral (
    select case
      when s.time_zone is not null then lapse.last_slot(p_schedule => s, p_now => p_now - g.slot_patience)
      else (
        select min(t.tick)
        from lapse.cron_ticks(p_cron => s.cron, p_until => p_now, p_count => g.alert_after + 1) t (tick)
        having count(*) > g.alert_after
      )
    end as expected_after
  ) e
  left join lateral (
    select r.finished_at
    from lapse.runs r
    where r.job = s.job and r.status in ('succeeded', 'partial') and not r.dry_run and r.ref is null
    order by r.finished_at desc
    limit 1
  ) c on true
  where s.enabled_at is not null and s.job in (select j.job from lapse.jobs j);
$$;

-- L001: jobs without a completed run when there should be one.
create function lapse.check_no_success(p_now timestamptz) returns setof lapse.condition
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select 'no_success:' || l.job, l.job, 'critical', format('No run of %s has completed', l.job),
    coalesce(l.completed_at, l.expected_after),
    jsonb_build_object('lastCompletedAt', l.completed_at, 'expectedAfter', l.expected_after, 'cause', coalesce(
      (
        select concat_ws(': ', format('the last run is %s', r.status), r.error)
        from lapse.runs r
        where r.job = l.job and not r.dry_run and r.ref is null and r.created_at > coalesce(l.completed_at, '-infinity')
        order by r.created_at desc
        limit 1
      ),
      'no run was requested since: pg_cron does not tick'
    ))
  from lapse.run_lateness(p_now) l
  where l.late;
$$;
