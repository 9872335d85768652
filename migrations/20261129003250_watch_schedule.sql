-- Checks of the watch about pg_cron: whether it does what lapse.schedules says, and whether its ticks work.
--
-- "succeeded" in pg_cron means only that a request was queued; "failed" means that not even the request was queued.

-- Contract: each schedule with pg_cron's job for it, and what is wrong, as a sentence with a placeholder for the job's
-- name, or null. A paused schedule that still runs is also wrong. Only jobs of the current role count, because a role
-- that bypasses row security also sees those of others and would report every job as running twice. The job of a
-- copied server contains the original's port, so its ticks would run there.
create function lapse.schedule_problems() returns table (job text, active boolean, problem text, details jsonb)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select s.job, s.active, case
    when not s.active and j.active then 'The schedule of %s is paused and still ticks'
    when not s.active then null
    when j.jobid is null then 'pg_cron has no schedule for %s'
    when not j.active then 'pg_cron has the schedule of %s switched off'
    when j.database <> current_database() then 'pg_cron runs %s in another database'
    when j.nodeport <> current_setting('port')::integer then 'pg_cron runs %s on another server'
    when (j.schedule, j.command) is distinct from (s.cron, lapse.schedule_command(s)) then 'pg_cron runs another schedule or command for %s'
    when o.username is not null then 'pg_cron runs %s twice, for another role as well'
  end,
  jsonb_strip_nulls(jsonb_build_object(
    'cron', s.cron, 'installed', j.schedule, 'command', j.command, 'database', j.database, 'port', j.nodeport, 'otherRole', o.username
  ))
  from lapse.schedules s
  left join cron.job j on j.jobname = 'lapse-' || s.job and j.username = current_user
  left join lateral (
    select min(c.username) as username
    from cron.job c
    where c.jobname = 'lapse-' || s.job and c.username <> current_user and c.active and c.database = current_database()
  ) o on true;
$$;

-- L006: schedules that pg_cron lacks, or runs in another way.
create function lapse.check_schedule_missing(p_now timestamptz) returns setof lapse.condition
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select 'schedule_missing:' || x.job, x.job, case when x.active then 'critical' else 'warning' end,
    format(x.problem, x.job), null::timestamptz, x.details || jsonb_build_object('cause', (
      select string_agg(format('%s %s', case d.key when 'cron' then 'wanted' else d.key end, d.value), '; ' order by d.key)
      from jsonb_each_text(x.details) d
    ))
  from lapse.schedule_problems() x
  where x.problem is not null;
$$;

-- L005: jobs whose last tick ended with an error.
create function lapse.check_tick_failed(p_now timestamptz) returns setof lapse.condition
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select 'tick_failed:' || s.job, s.job, lapse.severity_of(p_job => s.job, p_now => p_now),
    format('The last tick of %s failed before it could do its work', s.job), t.start_time,
    jsonb_build_object('cause', left(t.return_message, 500))
  from lapse.schedules s
  join cron.job j on j.jobname = 'lapse-' || s.job and j.username = current_user and j.active
  cross join lateral (
    select *
    from cron.job_run_details d
    where d.jobid = j.jobid and d.status in ('succeeded', 'failed')
    order by d.runid desc
    limit 1
  ) t
  where s.active and t.status = 'failed';
$$;
