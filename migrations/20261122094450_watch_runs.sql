-- Checks of the watch about runs that went badly.

-- Contract: the last p_count runs of each job that ended in one of these states, latest first. Dry runs do not count, nor do those
-- restricted to one order: how these go says nothing about the job.
create function jobs.last_runs(p_statuses text[], p_count integer) returns setof public.job_runs
language sql stable
set search_path = ''
as $$
  select r.*
  from public.job_metrics m
  cross join lateral (
    select *
    from public.job_runs r
    where r.job = m.job and r.status = any (p_statuses) and not r.dry_run and r.order_id is null
    order by r.created_at desc
    limit p_count
  ) r;
$$;

comment on function jobs.last_runs(text[], integer) is 'The last runs of each job in one of several states.';

create function jobs.check_failing(p_now timestamptz) returns setof jobs.condition
language sql stable
set search_path = ''
as $$
  select 'failing:' || r.job, r.job, 'critical', format('The last %s runs of %s failed or got lost', g.alert_after, r.job), null::timestamptz,
    jsonb_build_object('errors', jsonb_agg(format('%s: %s', r.status, r.error) order by r.created_at desc))
  from jobs.watch_settings() g
  cross join lateral jobs.last_runs('{succeeded,partial,failed,lost}', g.alert_after) r
  group by r.job, g.alert_after
  having count(*) = g.alert_after and bool_and(r.status in ('failed', 'lost'));
$$;

-- Open while no run completed after the one that failed.
create function jobs.check_run_failed(p_now timestamptz) returns setof jobs.condition
language sql stable
set search_path = ''
as $$
  select 'run_failed:' || r.job, r.job, 'critical', format('A run of %s failed', r.job), r.finished_at,
    jsonb_build_object('runId', r.id, 'error', r.error)
  from jobs.last_runs('{succeeded,partial,failed}', 1) r
  where r.status = 'failed';
$$;

-- A run that began was accepted, whatever pg_net saw: an answer that comes after its timeout is none. A refusal counts until a run of the
-- job completes, whoever started it: a weekly job is not asked again for days.
create function jobs.check_dispatch_refused(p_now timestamptz) returns setof jobs.condition
language sql stable
set search_path = ''
as $$
  select 'dispatch_refused:' || m.job, m.job, 'critical',
    format('The scheduler''s request to %s was answered with %s', m.job, coalesce('status ' || r.response_status, r.response_error)),
    null::timestamptz, jsonb_build_object('runId', r.id, 'status', r.response_status, 'error', r.response_error)
  from public.job_metrics m
  cross join lateral (
    select *
    from public.job_runs r
    where r.job = m.job and (r.response_status is not null or r.response_error is not null)
    order by r.created_at desc
    limit 1
  ) r
  where (r.response_status is null or r.response_status not between 200 and 299)
    and r.started_at is null
    and not exists (
      select from public.job_runs c
      where c.job = r.job and c.status in ('succeeded', 'partial') and not c.dry_run and c.order_id is null
        and c.finished_at > r.created_at
    );
$$;

create function jobs.check_backlog_growing(p_now timestamptz) returns setof jobs.condition
language sql stable
set search_path = ''
as $$
  with ended as (
    select r.job, r.backlog, r.created_at, r.backlog > lag(r.backlog) over (partition by r.job order by r.created_at) as grew
    from jobs.watch_settings() g
    cross join lateral jobs.last_runs('{succeeded,partial}', g.alert_after + 1) r
  )
  select 'backlog_growing:' || e.job, e.job, 'warning', format('The backlog of %s has grown from run to run', e.job), min(e.created_at),
    jsonb_build_object('backlogs', jsonb_agg(e.backlog order by e.created_at))
  from ended e
  cross join jobs.watch_settings() g
  group by e.job, g.alert_after, g.backlog_alert
  having count(*) > g.alert_after and bool_and(e.grew is not false) and max(e.backlog) > g.backlog_alert;
$$;

-- Contract: jobs with an order that is due for longer than overdue_after, and since when it is. jobs-health asks this, too. The clean-up is
-- not asked: what it finds may wait for its weekly slot, and to find that out would cost seconds on a large backlog.
create function jobs.overdue_jobs(p_now timestamptz) returns table (job text, oldest_due_at timestamptz)
language sql stable
set search_path = ''
as $$
  select 'expire-stale-orders', d.oldest
  from jobs.watch_settings() g
  cross join jobs.shop_due(p_now => p_now, p_cap => 1) d
  where d.oldest < p_now - g.overdue_after;
$$;

comment on function jobs.overdue_jobs(timestamptz) is 'Jobs with an order that is due for too long.';

create function jobs.check_overdue(p_now timestamptz) returns setof jobs.condition
language sql stable
set search_path = ''
as $$
  select 'overdue:' || o.job, o.job, 'critical', format('The oldest order due for %s is waiting', o.job), o.oldest_due_at,
    jsonb_build_object('oldestDueAt', o.oldest_due_at)
  from jobs.overdue_jobs(p_now) o
  -- One cause, one alert: while the brake is on everything waits.
  where not exists (select from public.job_alerts a where a.key = 'brake:' || o.job and a.resolved_at is null);
$$;

comment on function jobs.check_failing(timestamptz) is 'L002: jobs whose last runs all failed or got lost.';
comment on function jobs.check_run_failed(timestamptz) is 'L003: jobs whose last run failed.';
comment on function jobs.check_dispatch_refused(timestamptz) is 'L004: jobs whose function last refused the scheduler.';
comment on function jobs.check_overdue(timestamptz) is 'L008: jobs with an order that is due for too long.';
comment on function jobs.check_backlog_growing(timestamptz) is 'L009: jobs whose backlog grew with each of the last runs.';

revoke all on all functions in schema jobs from public;
