-- The dead man's switch: a monitor outside the project that expects a call for each completed run.
--
-- Without a call it raises the alarm, even if nothing inside the project works, for example because pg_cron is dead or
-- the project is paused. lapse_ping_url in Vault is its address. {job} in it is replaced by the job's name, so that
-- each job can have its own check; without {job} only expire-stale-orders calls it. Three kinds of addresses are
-- known:
--   Sentry          …/api/PROJECT/cron/MONITOR/KEY/: status in_progress, ok or error, with the run's id as check_in_id
--                   (docs.sentry.io/product/monitors-and-alerts/monitors/crons/getting-started/http)
--   healthchecks.io hc-ping.com/…, or …/ping/… of one's own server: /start, success, /fail, with the run's id as rid
--                   (healthchecks.io/docs/http_api)
--   any other       called as it is, for a run that succeeded

-- The last call of each job.
create table lapse.pings (
  job text primary key references lapse.jobs (job),
  run_id uuid not null,
  state text not null check (state in ('start', 'success', 'fail')),
  sent_at timestamptz not null,
  request_id bigint,
  error text,
  failures integer not null default 0
);

comment on table lapse.pings is 'The last call of the dead man''s switch for each job.';
comment on column lapse.pings.job is 'The job.';
comment on column lapse.pings.run_id is 'The run it was about.';
comment on column lapse.pings.state is 'start, success or fail.';
comment on column lapse.pings.sent_at is 'When it was queued.';
comment on column lapse.pings.request_id is 'Id of the HTTP request at pg_net.';
comment on column lapse.pings.error is 'Why it could not be queued.';
comment on column lapse.pings.failures is 'How many calls in a row failed, as far as known.';

-- Contract: the address to call about a run; null if there is nothing to call.
create function lapse.ping_address(p_url text, p_job text, p_state text, p_run_id uuid) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select case
    when p_url not like '%{job}%' and p_job <> 'expire-stale-orders' then null
    when x.path ~ '/api/[^/]+/cron/' then format('%s?%sstatus=%s&check_in_id=%s', x.path, x.query,
      case p_state when 'start' then 'in_progress' when 'success' then 'ok' else 'error' end, p_run_id)
    when x.path ~ '^https://hc-ping\.com/|/ping/' then format('%s%s?%srid=%s', rtrim(x.path, '/'),
      case p_state when 'success' then '' else '/' || p_state end, x.query, p_run_id)
    when p_state = 'success' then replace(p_url, '{job}', p_job)
  end
  from (
    select replace(split_part(p_url, '?', 1), '{job}', p_job) as path,
      case when strpos(p_url, '?') > 0 then substr(p_url, strpos(p_url, '?') + 1) || '&' else '' end as query
  ) x;
$$;

-- Contract: why a call failed; null if it did not, or if that is not known yet.
create function lapse.ping_failure(p_ping lapse.pings) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce((p_ping).error, (
    select coalesce(a.error, 'status ' || a.status)
    from lapse.find_response(p_request_id => (p_ping).request_id, p_sent_at => (p_ping).sent_at) a
    where coalesce(a.status not between 200 and 299, true)
  ));
$$;

-- Contract: stores a call and whether the previous one failed. With p_error, this one failed.
create function lapse.note_ping(p_run lapse.runs, p_state text, p_request_id bigint, p_error text, p_now timestamptz) returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  insert into lapse.pings as p (job, run_id, state, sent_at, request_id, error)
  values ((p_run).job, (p_run).id, p_state, p_now, p_request_id, p_error)
  on conflict (job) do update
  set run_id = excluded.run_id, state = excluded.state, sent_at = excluded.sent_at, request_id = excluded.request_id, error = excluded.error,
      failures = case
        -- Without pg_net the responses cannot be read.
        when excluded.error is not null then p.failures + 1
        when lapse.ping_failure(p) is null then 0
        else p.failures + 1
      end;
$$;

-- Contract: calls the dead man's switch for a run. A completed run counts as failed while lapse-health reports a
-- problem, because the work is not done. Dry runs and runs of one order do not count. Never raises or waits, because
-- it must not fail a run. Errors are stored for the watch (L024).
create function lapse.ping(p_run lapse.runs, p_state text, p_now timestamptz) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_url text;
  v_state text := p_state;
begin
  if (p_run).dry_run or (p_run).ref is not null then
    return;
  end if;
  v_url := lapse.find_secret('lapse_ping_url');
  if v_url is null then
    return;
  end if;
  if p_state = 'success' and lapse.health(p_now => p_now) -> 'reasons' <> '[]' then
    v_state := 'fail';
  end if;
  v_url := lapse.ping_address(
    p_url => lapse.checked_url(v_url, 'lapse_ping_url'), p_job => (p_run).job, p_state => v_state, p_run_id => (p_run).id
  );
  if v_url is not null then
    perform lapse.note_ping(
      p_run => p_run, p_state => v_state, p_request_id => net.http_get(url => v_url, timeout_milliseconds => 3000), p_error => null,
      p_now => p_now
    );
  end if;
exception when others then
  perform lapse.note_ping(p_run => p_run, p_state => p_state, p_request_id => null, p_error => sqlerrm, p_now => p_now);
end;
$$;

-- A single call may get lost, but a malformed address is reported at once.
create function lapse.check_ping_failing(p_now timestamptz) returns setof lapse.condition
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_url text := lapse.find_secret('lapse_ping_url');
  v_problem text;
begin
  if v_url is null then
    return;
  end if;
  begin
    perform lapse.checked_url(v_url, 'lapse_ping_url');
  exception when invalid_parameter_value then
    v_problem := sqlerrm;
  end;
  return query
  select 'ping_failing', null::text, 'warning', 'The dead man''s switch cannot be called', min(x.since),
    jsonb_build_object('cause', string_agg(x.problem, '; '))
  from (
    select v_problem as problem, null::timestamptz as since where v_problem is not null
    union all
    select format('%s: %s', p.job, lapse.ping_failure(p)), p.sent_at
    from lapse.pings p
    where v_problem is null and p.failures > 0 and lapse.ping_failure(p) is not null
  ) x
  having count(*) > 0;
end;
$$;
