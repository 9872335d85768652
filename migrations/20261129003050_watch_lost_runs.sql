-- The results of dispatched runs: the responses to their requests, and runs that will never finish.
--
-- Each of these parts locks rows of runs for a moment and skips locked ones: a run that begins, settles or ends at this
-- moment is left to the next watch.

-- Contract: pg_net's response to one request, or no row if there is none yet. Ids repeat: a crash of the server
-- empties pg_net's unlogged tables, and their sequence starts at 1 again. So the time is compared as well; it is the
-- batch's, which may be slightly before the request. A later request of Lapse with a lower id shows that the ids
-- started again, so this response belongs to another request.
create function lapse.find_response(p_request_id bigint, p_sent_at timestamptz)
returns table (status integer, error text, content text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select r.status_code,
    case when r.status_code is null then coalesce(r.error_msg, case when r.timed_out then 'Timeout' else 'No status' end) end,
    r.content
  from net._http_response r
  where r.id = p_request_id
    and r.created between p_sent_at - interval '1 minute' and p_sent_at + interval '10 minutes'
    and not exists (
      select
      from lapse.jobs j
      join lapse.runs o on o.job = j.job
      where o.created_at > p_sent_at and o.created_at <= r.created + interval '1 minute' and o.request_id <= p_request_id
    )
  order by r.created desc
  limit 1;
$$;

-- Contract: copies the responses into their runs, because pg_net deletes them after six hours. A response that accepts
-- a run names it.
create function lapse.collect_responses(p_now timestamptz) returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  with answered as (
    select r.id, a.status, a.error
    from lapse.runs r
    cross join lateral lapse.find_response(p_request_id => r.request_id, p_sent_at => r.created_at) a
    where r.request_id is not null and r.response_status is null and r.response_error is null
      and r.created_at > p_now - interval '6 hours'
      and (a.status is null or a.status not between 200 and 299 or strpos(a.content, r.id::text) > 0)
    for no key update of r skip locked
  )
  update lapse.runs r
  set response_status = a.status, response_error = a.error
  from answered a
  where r.id = a.id;
$$;

-- Contract: ends leases that last longer than a lease can, and the runs that hold them: the clock was set back. If
-- such a run is still alive, its fence is now old, as after a takeover. A lease lasts an hour at most, and a caller
-- may wait briefly for its row.
create function lapse.end_future_leases(p_now timestamptz) returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  -- Lock the lease before the run, as everywhere. A locked row means that its run is renewing the lease right now.
  with ahead as (
    select j.job, j.run_id
    from lapse.jobs j
    where j.run_id is not null and j.lease_until > p_now + interval '1 hour 1 minute'
    for no key update skip locked
  ),
  freed as (
    update lapse.jobs j set run_id = null from ahead a where j.job = a.job
  )
  update lapse.runs r
  set status = 'lost', finished_at = p_now, error = 'Its lease is of a clock that was set back'
  from ahead a
  where r.id = a.run_id and r.finished_at is null;
$$;

-- Contract: marks runs that died silently as lost, and releases their leases. Orders are not touched, because their
-- claims expire.
create function lapse.mark_lost_runs(p_now timestamptz) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_settings lapse.settings := lapse.watch_settings();
begin
  perform lapse.end_future_leases(p_now => p_now);

  -- A run that was marked as lost can never begin, even if its request arrives later.
  with late as (
    select r.id, coalesce(r.response_error, 'status ' || r.response_status, 'nothing') as answer
    from lapse.runs r
    where r.finished_at is null and r.status = 'queued' and r.created_at < p_now - v_settings.start_patience
    for no key update skip locked
  )
  update lapse.runs r
  set status = 'lost', finished_at = p_now, error = 'Never started; its request was answered with ' || l.answer
  from late l
  where r.id = l.id;

  -- Lock the lease before the run, as everywhere. A run without a lease is a dry run, which lasts no longer than other
  -- runs.
  with lapsed as (
    select j.job, j.run_id
    from lapse.jobs j
    where j.run_id is not null and j.lease_until < p_now
    for no key update skip locked
  ),
  freed as (
    update lapse.jobs j set run_id = null from lapsed d where j.job = d.job
  )
  update lapse.runs r
  set status = 'lost', finished_at = p_now, error = 'Its lease ran out without a sign of life'
  from lapsed d
  where r.id = d.run_id and r.finished_at is null;

  with silent as (
    select r.id
    from lapse.runs r
    where r.finished_at is null and r.status = 'running'
      and r.heartbeat_at < p_now - v_settings.lease - make_interval(secs => v_settings.run_seconds)
      and not exists (select from lapse.jobs j where j.run_id = r.id)
    for no key update skip locked
  )
  update lapse.runs r
  set status = 'lost', finished_at = p_now, error = 'It gave no sign of life'
  from silent s
  where r.id = s.id;
end;
$$;
