-- Checks of the watch for runs that failed.

-- L002: jobs whose last runs all failed or were lost.
create function lapse.check_failing(p_now timestamptz) returns setof lapse.condition
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select 'failing:' || r.job, r.job, 'critical', format('The last %s runs of %s failed or were lost', g.alert_after, r.job), null::timestamptz,
    jsonb_build_object(
      'runId', (array_agg(r.id order by r.created_at desc))[1],
      'cause', (array_agg(format('%s: %s', r.status, r.error) order by r.created_at desc))[1],
      'errors', jsonb_agg(format('%s: %s', r.status, r.error) order by r.created_at desc)
    )
  from lapse.watch_settings() g
  cross join lateral lapse.last_runs('{succeeded,partial,failed,lost}', g.alert_after) r
  group by r.job, g.alert_after
  having count(*) = g.alert_after and bool_and(r.status in ('failed', 'lost'));
$$;

-- The alert is open until a run completes. It is a warning, because the next run may succeed; L002 reports if none
-- does.
create function lapse.check_run_failed(p_now timestamptz) returns setof lapse.condition
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select 'run_failed:' || r.job, r.job, 'warning', format('A run of %s failed', r.job), r.finished_at,
    jsonb_build_object('runId', r.id, 'cause', r.error)
  from lapse.last_runs('{succeeded,partial,failed}', 1) r
  where r.status = 'failed';
$$;

-- Contract: the severity if a job's requests fail: a warning until a run should have completed.
create function lapse.severity_of(p_job text, p_now timestamptz) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select case when exists (select from lapse.run_lateness(p_now) l where l.job = p_job and l.late) then 'critical' else 'warning' end;
$$;

-- A run that began was accepted, whatever pg_net recorded: a response after its timeout does not count. A refusal
-- counts until any run of the job completes, because a weekly job is not dispatched again for days.
create function lapse.check_dispatch_refused(p_now timestamptz) returns setof lapse.condition
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select 'dispatch_refused:' || j.job, j.job, lapse.severity_of(p_job => j.job, p_now => p_now),
    format('The function %s refused the scheduler''s request', j.job), r.created_at,
    jsonb_build_object('runId', r.id, 'cause', coalesce('status ' || r.response_status, r.response_error))
  from lapse.jobs j
  cross join lateral (
    select *
    from lapse.runs r
    where r.job = j.job and (r.response_status is not null or r.response_error is not null)
    order by r.created_at desc
    limit 1
  ) r
  where (r.response_status is null or r.response_status not between 200 and 299)
    and r.started_at is null
    and not exists (
      select from lapse.runs c
      where c.job = r.job and c.status in ('succeeded', 'partial') and not c.dry_run and c.ref is null
        and c.finished_at > r.created_at
    );
$$;

-- L009: jobs whose backlog grew with each of the last runs.
create function lapse.check_backlog_growing(p_now timestamptz) returns setof lapse.condition
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with ended as (
    select r.job, r.backlog, r.created_at, r.backlog > lag(r.backlog) over (partition by r.job order by r.created_at) as grew
    from lapse.watch_settings() g
    cross join lateral lapse.last_runs('{succeeded,partial}', g.alert_after + 1) r
  )
  select 'backlog_growing:' || e.job, e.job, 'warning', format('The backlog of %s has grown from run to run', e.job), min(e.created_at),
    jsonb_build_object('count', max(e.backlog), 'cause', format(
      'due orders after the last runs: %s', string_agg(e.backlog::text, ', ' order by e.created_at)
    ))
  from ended e
  cross join lapse.watch_settings() g
  group by e.job, g.alert_after, g.backlog_alert
  having count(*) > g.alert_after and bool_and(e.grew is not false) and max(e.backlog) > g.backlog_alert;
$$;

-- A single run may hit a busy moment. Two within half an hour mean that Stripe keeps refusing calls for rate or
-- concurrency.
create function lapse.check_throttled(p_now timestamptz) returns setof lapse.condition
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select 'throttled', null, 'warning', 'Stripe keeps refusing calls for rate or concurrency', min(r.finished_at),
    jsonb_build_object('cause', format(
      '%s of %s calls in %s runs of the last half hour were refused', sum(r.stripe_throttled), sum(r.stripe_calls), count(*)
    ))
  from lapse.runs r
  where r.finished_at > p_now - interval '30 minutes' and r.stripe_throttled > 0
  having count(*) > 1;
$$;
