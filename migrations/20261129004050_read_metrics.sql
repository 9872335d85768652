-- read_metrics: what the function lapse-metrics serves to Prometheus.
--
-- Counters, the last run of each job and the open alerts, in a few index lookups whatever the size of the tables, so
-- that it may be scraped every 15 seconds. It counts no orders: the runs and the watch have done so.

-- Contract: the families of metrics, as a list of {"name", "type", "help", "samples": [{"labels", "value"}]}, in
-- seconds since the epoch where they are times. A family without a sample is left out, because a time that never
-- occurred is not zero. Every counter of lapse.metrics is included automatically.
create function lapse.read_metrics(p_now timestamptz default now()) returns jsonb
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with counters as (
    select 'lapse_' || c.name as name, 'counter' as type, col_description('lapse.metrics'::regclass, a.attnum) as help,
      jsonb_build_object('job', m.job) as labels, c.value::numeric as value
    from lapse.metrics m
    cross join lateral jsonb_each_text(to_jsonb(m)) c (name, value)
    join pg_attribute a on a.attrelid = 'lapse.metrics'::regclass and a.attname = c.name
    where c.name like '%\_total'
  ),
  jobs as (
    select m.*, jsonb_build_object('job', m.job) as labels, s.active, c.completed_at,
      exists (select from lapse.alerts a where a.key = 'brake:' || m.job and a.resolved_at is null) as brake_on
    from lapse.metrics m
    left join lapse.schedules s on s.job = m.job
    left join lateral (
      select r.finished_at as completed_at
      from lapse.runs r
      where r.job = m.job and r.status in ('succeeded', 'partial') and not r.dry_run and r.ref is null
      order by r.finished_at desc
      limit 1
    ) c on true
  ),
  open_alerts as (
    select k.code, k.kind, a.severity, a.details
    from lapse.alerts a
    join lapse.alert_kinds k on k.code = a.code
    where a.resolved_at is null
  ),
  gauges as (
    select g.*
    from jobs j
    cross join lateral (values
      ('lapse_job_last_success_timestamp_seconds', 'When a run of the job last completed.', j.labels, extract(epoch from j.completed_at)),
      ('lapse_job_last_run_timestamp_seconds', 'When a run of the job last ended, in whatever way.', j.labels,
        extract(epoch from j.last_execution_time)),
      ('lapse_job_last_run_duration_seconds', 'How long that run took.', j.labels, j.job_execution_time / 1000.0),
      ('lapse_job_due_orders', 'Due orders that the last run left, counted up to 100,000.', j.labels, j.backlog),
      ('lapse_job_oldest_due_timestamp_seconds', 'Since when the oldest of them has waited.', j.labels, extract(epoch from j.oldest_due_at)),
      ('lapse_job_brake_on', '1 while the brake stops the runs of the job.', j.labels, j.brake_on::integer),
      ('lapse_job_active', '1 while the job is scheduled, 0 while it is paused.', j.labels, j.active::integer)
    ) g (name, help, labels, value)
    union all
    select 'lapse_orders_quarantined', 'Orders that wait for a person.', '{}',
      coalesce((select (a.details ->> 'count')::numeric from open_alerts a where a.kind = 'quarantined'), 0)
    union all
    select 'lapse_alerts_open', 'Open alerts by severity.', jsonb_build_object('severity', s.severity),
      (select count(*) from open_alerts a where a.severity = s.severity)
    from unnest('{critical,warning}'::text[]) s (severity)
    union all
    select 'lapse_alert_open', 'Open alerts by kind; the runbook has an entry for each code.',
      jsonb_build_object('code', a.code, 'kind', a.kind, 'severity', a.severity), count(*)
    from open_alerts a
    group by a.code, a.kind, a.severity
    union all
    select 'lapse_watch_last_timestamp_seconds', 'When the watch last came to its end.', '{}', extract(epoch from w.watched_at)
    from lapse.watch_state w
  ),
  families as (
    select x.name, x.type, x.help, jsonb_agg(jsonb_build_object('labels', x.labels, 'value', x.value) order by x.labels::text) as samples
    from (select c.name, c.type, c.help, c.labels, c.value from counters c union all select g.name, 'gauge', g.help, g.labels, g.value from gauges g) x
    where x.value is not null
    group by x.name, x.type, x.help
  )
  select coalesce(jsonb_agg(to_jsonb(f) order by f.name), '[]') from families f;
$$;

create function public.lapse_read_metrics() returns jsonb
language sql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select lapse.read_metrics(p_now => now());
$$;
comment on function public.lapse_read_metrics() is 'The metrics of lapse-metrics. For the Edge Functions (secret key) only.';
