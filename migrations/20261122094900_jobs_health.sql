-- jobs_health: what the function jobs-health tells an outside monitor.
--
-- Contract: {"reasons": [codes]}, empty when all is well; nothing else, for strangers may ask. It depends neither on pg_cron nor on the watch:
--   no_completed_run  a job has no completed run when it should have one
--   orders_overdue    an order has been due for too long
--   watch_silent      the watch has not looked when it should have, so that alerts cannot be trusted
-- A few index look-ups, whatever the size of the tables.

create function public.jobs_health(p_now timestamptz default now()) returns jsonb
language sql stable
security definer
set search_path = ''
as $$
  select jsonb_build_object('reasons', coalesce(jsonb_agg(r.reason), '[]'))
  from (
    select 'no_completed_run' as reason
    where exists (select from jobs.run_lateness(p_now) l where l.late)
    union all
    select 'orders_overdue'
    where exists (select from jobs.overdue_jobs(p_now))
    union all
    select 'watch_silent'
    where exists (
      select
      from jobs.schedules s
      cross join jobs.watch_settings() g
      cross join lateral (
        select min(t.tick) as earliest, count(*) as n
        from jobs.cron_ticks(p_cron => s.cron, p_until => p_now, p_count => g.alert_after + 1) t (tick)
      ) expected
      where s.job = 'jobs-watch' and s.active and expected.n > g.alert_after and expected.earliest > s.changed_at
        and not exists (select from jobs.watch_state w where w.watched_at >= expected.earliest)
    )
  ) r;
$$;

comment on function public.jobs_health(timestamptz) is
  'Codes of what is wrong, for jobs-health. For the Edge Functions (secret key) only.';

revoke all on function public.jobs_health(timestamptz) from public, anon, authenticated;
grant execute on function public.jobs_health(timestamptz) to service_role;
