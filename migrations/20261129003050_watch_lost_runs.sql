-- The fate of runs: the responses to their requests, and runs that will never finish.
--
-- Each of these parts locks rows of runs for a moment and leaves out those that somebody holds: a run that begins, settles or ends at this
-- very moment is left to the next watch.

-- Contract: pg_net's answer to one request, or no row while there is none. Ids repeat: a crash of the server empties pg_net's unlogged
-- tables, and their sequence starts at 1 again. Hence the time, which is that of the batch and may lie a moment before the request; and a
-- later request of Lapse's own with a lower id tells that the ids began again, so that this answer is another request's.
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
comment on function lapse.find_response(bigint, timestamptz) is 'What pg_net knows of the answer to a request.';

-- Contract: copies the answers into the runs they started. pg_net deletes its own after six hours. An answer that accepts a run names it.
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
comment on function lapse.collect_responses(timestamptz) is 'Copies what pg_net knows of each request into its run.';

-- Contract: ends leases that end further ahead than a lease can last, and the runs that hold them: a clock was set back. A run that is
-- alive shows an old fence from here on, as after a takeover. A lease is an hour at most, and a caller may wait a moment for its row.
create function lapse.end_future_leases(p_now timestamptz) returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  -- Lease before run, as everywhere. A holder of the row is giving a sign of life at this moment, and its lease a new end.
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
comment on function lapse.end_future_leases(timestamptz) is 'Ends leases of a clock that was set back, and their runs.';

-- Contract: ends the runs that died without a word, and gives their leases back. Orders are not touched: their claims lapse by
-- themselves.
create function lapse.mark_lost_runs(p_now timestamptz) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_settings lapse.settings := lapse.watch_settings();
begin
  perform lapse.end_future_leases(p_now => p_now);

  -- The id of a lost run can never begin.
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

  -- Lease before run, as everywhere. A run without a lease of its own is a dry run, which lasts no longer than a run may.
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
comment on function lapse.mark_lost_runs(timestamptz) is
  'Ends runs that never started, stopped giving signs of life, or have a lease of a clock that was set back.';
