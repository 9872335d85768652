-- Is it running?
--
-- One row per job. `verdict` summarises the state. `last_completed` is the last completed run, `next_slot` the next weekly slot (UTC),
-- `backlog` what was left due when the last run ended. A job is late when a run should have completed by now and has not: L001 in
-- docs/payments-ops.md. While the watch is silent, alerts cannot be trusted.

select
  m.job,
  case
    when s.enabled_at is null then 'never enabled (select lapse.enable_schedules())'
    when not s.active then 'paused on purpose (lapse.schedules.active)'
    when l.late then 'LATE: no run has completed since ' || coalesce(l.completed_at::text, 'ever')
    when w.watched_at < now() - interval '5 minutes' then 'running, but the watch is silent since ' || w.watched_at
    else 'running'
  end as verdict,
  l.completed_at as last_completed,
  r.status as last_status,
  r.error as last_error,
  m.job_execution_time as last_duration_ms,
  m.backlog,
  m.oldest_due_at,
  lapse.next_slot(p_schedule => s, p_now => now()) as next_slot,
  (select count(*) from lapse.alerts a where a.job = m.job and a.resolved_at is null) as open_alerts
from lapse.metrics m
join lapse.schedules s using (job)
left join lapse.run_lateness(now()) l using (job)
cross join lapse.watch_state w
left join lateral (
  select * from lapse.runs r
  where r.job = m.job and not r.dry_run and r.ref is null
  order by r.created_at desc
  limit 1
) r on true
order by m.job desc;
