-- What became of the runs: the answers to their requests, the runs that nobody will ever finish, and the work they leave behind.

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

  -- The id of a lost run can never begin, so the slot it was to serve may be claimed again, within the catch-up. So may that of a run which
  -- met another one: what that one was limited to need not be all.
  delete from jobs.schedule_slots s
  where s.run_id = any (v_never_started)
    or exists (select from public.job_runs r where r.id = s.run_id and r.status = 'skipped');

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

-- Contract: the runs of weekly jobs after which work is left that nobody goes on with. A job that ticks all the time needs none: its next
-- tick goes on. A chain of continuations is broken when its last link
--   ran out of time and asked for no continuation: its function died, or its call got no answer
--   is a continuation that was lost, or that met another run, and what completed last left something to do.
-- Not when another run is under way, when an operator has to decide (a limit, a failure, the brake), or when the catch-up is over. Continuations
-- that get lost one after the other are given up; by then L002 is open.
create function jobs.broken_chains(p_now timestamptz) returns setof uuid
language sql stable
set search_path = ''
as $$
  -- the last link: a run that ended by itself, or a continuation that did not
  with link as (
    select r.*, s.catch_up
    from jobs.schedules s
    cross join lateral (
      select *
      from public.job_runs r
      where r.job = s.job and not r.dry_run and r.order_id is null
        and (r.status in ('succeeded', 'partial', 'failed', 'braked') or r.status in ('lost', 'skipped') and r.continues is not null)
      order by r.created_at desc
      limit 1
    ) r
    where s.active and s.time_zone is not null
  ),
  -- those that were cut off; whoever is to ask for a continuation has had the time to
  cut_off as (
    select l.*
    from link l
    cross join jobs.watch_settings() g
    where l.finished_at < p_now - g.start_patience and l.finished_at > p_now - l.catch_up
      and (l.status in ('lost', 'skipped') or l.status = 'partial' and l.duration_ms >= g.claim_seconds * 1000)
      and (l.item_limit is null or l.item_limit > l.payment_intents_canceled + l.checkout_sessions_expired)
      and not exists (select from public.job_runs r where r.job = l.job and r.finished_at is null and not r.dry_run)
  ),
  -- what their jobs completed last
  completed as (
    select c.id, r.created_at, r.backlog
    from cut_off c
    cross join lateral (
      select *
      from public.job_runs r
      where r.job = c.job and r.status in ('succeeded', 'partial') and not r.dry_run and r.order_id is null
      order by r.finished_at desc
      limit 1
    ) r
  )
  select c.id
  from cut_off c
  join completed d using (id)
  cross join jobs.watch_settings() g
  where d.backlog > 0
    and (
      select count(*) from public.job_runs r
      where r.job = c.job and r.created_at > d.created_at and r.status = 'lost' and not r.dry_run and r.order_id is null
    ) < g.alert_after;
$$;

comment on function jobs.broken_chains(timestamptz) is 'Runs of weekly jobs that nobody goes on with although work is left.';

-- Contract: asks for a run that goes on where a broken chain ended, with what is left of its limit, its reason and its released brake. Each
-- run has at most one continuation, whoever asks for it: a lost one is itself continued.
create function jobs.resume_chains(p_now timestamptz) returns void
language plpgsql
set search_path = ''
as $$
declare
  v_link public.job_runs;
begin
  for v_link in
    -- A function that asks for the continuation at this moment holds the row, and the next watch sees it.
    select r.* from public.job_runs r where r.id in (select jobs.broken_chains(p_now)) for update skip locked
  loop
    if not exists (select from public.job_runs r where r.continues = v_link.id) then
      perform jobs.dispatch(p_job => v_link.job, p_trigger => 'continuation', p_continues => v_link.id, p_now => p_now);
    end if;
  end loop;
end;
$$;

comment on function jobs.resume_chains(timestamptz) is 'Goes on with the weekly work whose continuation got lost.';

revoke all on all functions in schema jobs from public;
