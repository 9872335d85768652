-- Checks of the watch about pg_cron: whether it does what jobs.schedules says, and whether its ticks work.
--
-- "succeeded" in pg_cron means that a request was queued, no more; but "failed" means that not even that happened.

-- Contract: differences between jobs.schedules and pg_cron's own list, either way: a paused schedule that still ticks is one, too.
-- Only the present role's jobs count: a role that bypasses row security would see those of others under the same names.
create function jobs.check_schedule_missing(p_now timestamptz) returns setof jobs.condition
language sql stable
set search_path = ''
as $$
  select 'schedule_missing:' || s.job, s.job, case when s.active then 'critical' else 'warning' end,
    format(x.problem, s.job), null::timestamptz, jsonb_build_object('cron', s.cron, 'installed', j.schedule, 'command', j.command)
  from jobs.schedules s
  left join cron.job j on j.jobname = s.job and j.username = current_user
  cross join lateral (
    select case
      when not s.active and j.active then 'The schedule of %s is paused and still ticks'
      when not s.active then null
      when j.jobid is null then 'pg_cron has no schedule for %s'
      when not j.active then 'pg_cron has the schedule of %s switched off'
      when j.database <> current_database() then 'pg_cron runs %s in another database'
      when (j.schedule, j.command) is distinct from (s.cron, jobs.schedule_command(s)) then 'pg_cron runs another schedule or command for %s'
    end as problem
  ) x
  where x.problem is not null;
$$;

create function jobs.check_tick_failed(p_now timestamptz) returns setof jobs.condition
language sql stable
set search_path = ''
as $$
  select 'tick_failed:' || s.job, s.job, 'critical', format('The last tick of %s failed before it could do anything', s.job), t.start_time,
    jsonb_build_object('error', left(t.return_message, 500))
  from jobs.schedules s
  join cron.job j on j.jobname = s.job and j.username = current_user and j.active
  cross join lateral (
    select *
    from cron.job_run_details d
    where d.jobid = j.jobid and d.status in ('succeeded', 'failed')
    order by d.runid desc
    limit 1
  ) t
  where s.active and t.status = 'failed';
$$;

comment on function jobs.check_schedule_missing(timestamptz) is 'L006: schedules that pg_cron lacks, or runs in another way.';
comment on function jobs.check_tick_failed(timestamptz) is 'L005: jobs whose last tick ended with an error.';

revoke all on all functions in schema jobs from public;
