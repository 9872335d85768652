-- lapse_health: what the function lapse-health reports to a monitor outside.
--
-- It depends neither on pg_cron nor on the watch. It makes a few index lookups, whatever the size of the tables.

-- Contract: {"reasons": [codes]}, empty if all is well; nothing else, because callers need no credentials.
--   adapter_missing   the shop's adapter is missing or does not fit: no run can work
--   no_completed_run  a job has no completed run when it should have one
--   orders_overdue    an order has waited too long
--   schedule_missing  pg_cron does not do what lapse.schedules says, for example after a restore
--   watch_silent      the watch has not run when it should have, so alerts cannot be trusted
create function lapse.health(p_now timestamptz default now()) returns jsonb
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select jsonb_build_object('reasons', coalesce(jsonb_agg(r.reason), '[]'))
  from (
    select 'adapter_missing' as reason
    where lapse.adapter_problem() is not null
    union all
    select 'no_completed_run'
    where exists (select from lapse.run_lateness(p_now) l where l.late)
    union all
    select 'orders_overdue'
    where exists (select from lapse.overdue_jobs(p_now))
    union all
    select 'schedule_missing'
    where exists (select from lapse.schedule_problems() x where x.active and x.problem is not null)
    union all
    select 'watch_silent'
    where exists (
      select
      from lapse.schedules s
      cross join lapse.watch_settings() g
      cross join lateral (
        select min(t.tick) as earliest, count(*) as n
        from lapse.cron_ticks(p_cron => s.cron, p_until => p_now, p_count => g.alert_after + 1) t (tick)
      ) expected
      where s.job = 'watch' and s.active and expected.n > g.alert_after and expected.earliest > s.changed_at
        and not exists (select from lapse.watch_state w where w.watched_at >= expected.earliest)
    )
  ) r;
$$;
comment on function lapse.health(timestamptz) is 'Codes of problems; none if all is well.';

create function public.lapse_health() returns jsonb
language sql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select lapse.health(p_now => now());
$$;
comment on function public.lapse_health() is 'Codes of problems, for lapse-health. For the Edge Functions (secret key) only.';
