-- What became of the runs: the answers to their requests, and the runs that nobody will ever finish.

create index job_runs_unanswered_idx on public.job_runs (created_at)
  where request_id is not null and response_status is null and response_error is null;

-- Contract: pg_net's answer to one request, or no row while there is none. Ids repeat: a crash of the server empties pg_net's unlogged
-- tables and their sequence starts at 1 again. Hence the time, which is that of the batch and may lie a moment before the request.
create function jobs.find_response(p_request_id bigint, p_sent_at timestamptz) returns table (status integer, error text)
language sql stable
set search_path = ''
as $$
  select r.status_code,
    case when r.status_code is null then coalesce(r.error_msg, case when r.timed_out then 'Timeout' else 'No status' end) end
  from net._http_response r
  where r.id = p_request_id
    and r.created between p_sent_at - interval '1 minute' and p_sent_at + interval '1 hour'
  order by r.created desc
  limit 1;
$$;

comment on function jobs.find_response(bigint, timestamptz) is 'What pg_net knows of the answer to a request.';

-- Contract: copies the answers into the runs they started. pg_net deletes its own after six hours.
create function jobs.collect_responses(p_now timestamptz) returns void
language sql
set search_path = ''
as $$
  with answered as (
    select r.id, a.status, a.error
    from public.job_runs r
    cross join lateral jobs.find_response(p_request_id => r.request_id, p_sent_at => r.created_at) a
    where r.request_id is not null and r.response_status is null and r.response_error is null
      and r.created_at > p_now - interval '6 hours'
    -- A run that is settling holds its row for a while; its answer can wait for the next watch.
    for update of r skip locked
  )
  update public.job_runs r
  set response_status = a.status, response_error = a.error
  from answered a
  where r.id = a.id;
$$;

comment on function jobs.collect_responses(timestamptz) is 'Copies what pg_net knows of each request into its run.';

-- Contract: ends the runs that died without a word, and gives their leases back. Orders are not touched: their claims lapse by
-- themselves. A run that begins or ends at this very moment holds a lock and is left to the next watch.
create function jobs.mark_lost_runs(p_now timestamptz) returns void
language plpgsql
set search_path = ''
as $$
declare
  v_settings jobs.settings := jobs.watch_settings();
  v_never_started uuid[];
begin
  with late as (
    select r.id, coalesce(r.response_error, 'status ' || r.response_status, 'nothing') as answer
    from public.job_runs r
    where r.finished_at is null and r.status = 'queued' and r.created_at < p_now - v_settings.start_patience
    for update skip locked
  ),
  lost as (
    update public.job_runs r
    set status = 'lost', finished_at = p_now, error = 'Never started; its request was answered with ' || l.answer
    from late l
    where r.id = l.id
    returning r.id
  )
  select array_agg(l.id) into v_never_started from lost l;

  -- The id of a lost run can never begin, so the slot it was to serve may be claimed again, within the catch-up.
  delete from jobs.schedule_slots s where s.run_id = any (v_never_started);

  -- Lease before run, as everywhere. A run without a lease of its own is a dry run, which lasts no longer than a run may.
  with lapsed as (
    select l.job, l.run_id from jobs.leases l where l.run_id is not null and l.lease_until < p_now for update skip locked
  ),
  freed as (
    update jobs.leases l set run_id = null from lapsed d where l.job = d.job
  )
  update public.job_runs r
  set status = 'lost', finished_at = p_now, error = 'Its lease ran out without a sign of life'
  from lapsed d
  where r.id = d.run_id and r.finished_at is null;

  with silent as (
    select r.id
    from public.job_runs r
    where r.finished_at is null and r.status = 'running'
      and r.heartbeat_at < p_now - v_settings.lease - make_interval(secs => v_settings.run_seconds)
      and not exists (select from jobs.leases l where l.run_id = r.id)
    for update skip locked
  )
  update public.job_runs r
  set status = 'lost', finished_at = p_now, error = 'It gave no sign of life'
  from silent s
  where r.id = s.id;
end;
$$;

comment on function jobs.mark_lost_runs(timestamptz) is 'Ends runs that never started or stopped giving signs of life.';

revoke all on all functions in schema jobs from public;
