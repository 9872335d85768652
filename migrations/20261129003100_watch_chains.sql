-- Chains of runs: a run that hands over is continued by another one. If that continuation is lost, the watch requests
-- it again.
--
-- Only jobs with slots need this: a job that ticks all the time continues with its next tick. A run that failed, and a
-- run of a slot that died, are repeated by the slot itself (lapse.slot_needs_run).

-- Contract: the runs of jobs with slots that left work which no other run continues. A chain is broken when its last
-- link
--   handed over and requested no continuation: its function died, or its call got no answer
--   is a continuation that was lost or found another run at work, and the last completed run left work.
-- It is not broken while another run is under way, if an operator must decide (a limit, the brake), if the link
-- decided nothing (a list that cannot be read would be retried forever), or after the catch-up time. After alert_after
-- lost continuations in a row the chain is given up; by then L002 is open.
create function lapse.broken_chains(p_now timestamptz) returns setof uuid
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  -- the last link: a run that ended by itself, or a continuation that did not
  with link as (
    select r.*, s.catch_up
    from lapse.schedules s
    cross join lateral (
      select *
      from lapse.runs r
      where r.job = s.job and not r.dry_run and r.ref is null
        and (r.status in ('succeeded', 'partial', 'failed', 'braked') or r.status in ('lost', 'skipped') and r.continues is not null)
      order by r.created_at desc
      limit 1
    ) r
    where s.active and s.time_zone is not null
  ),
  -- Those that were cut off: the time to request a continuation has passed.
  cut_off as (
    select l.*
    from link l
    cross join lapse.watch_settings() g
    where l.finished_at < p_now - g.start_patience and l.finished_at > p_now - l.catch_up
      and (
        l.status in ('lost', 'skipped')
        or l.status = 'partial' and (
          l.duration_ms >= g.claim_seconds * 1000 or exists (select from lapse.decisions d where d.run_id = l.id)
        )
      )
      and (l.item_limit is null or l.item_limit > l.payment_intents_canceled + l.checkout_sessions_expired)
      and not exists (select from lapse.runs r where r.job = l.job and r.finished_at is null and not r.dry_run)
  ),
  -- The last completed run of their jobs.
  completed as (
    select c.id, r.created_at, r.backlog
    from cut_off c
    cross join lateral (
      select *
      from lapse.runs r
      where r.job = c.job and r.status in ('succeeded', 'partial') and not r.dry_run and r.ref is null
      order by r.finished_at desc
      limit 1
    ) r
  )
  select c.id
  from cut_off c
  join completed d using (id)
  cross join lapse.watch_settings() g
  where d.backlog > 0
    and (
      select count(*) from lapse.runs r
      where r.job = c.job and r.created_at > d.created_at and r.status = 'lost' and not r.dry_run and r.ref is null
    ) < g.alert_after;
$$;

-- Contract: queues the run that continues a broken chain, with the rest of its limit, its reason and its released
-- brake. Each run has at most one continuation, no matter who requests it: a lost one is itself continued.
create function lapse.resume_chains(p_now timestamptz) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_link lapse.runs;
begin
  for v_link in
    -- A function that is requesting the continuation holds the row. Then the next watch sees the continuation.
    select r.* from lapse.runs r where r.id in (select lapse.broken_chains(p_now)) for no key update skip locked
  loop
    if not exists (select from lapse.runs r where r.continues = v_link.id) then
      perform lapse.dispatch(p_job => v_link.job, p_trigger => 'continuation', p_continues => v_link.id, p_now => p_now);
    end if;
  end loop;
end;
$$;
