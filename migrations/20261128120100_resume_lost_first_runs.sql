-- The run of a weekly slot that began and died is gone on with, as a continuation that got lost. Until here its slot was used up and its
-- work waited for the next week.

-- Contract: the runs of weekly jobs after which work is left that nobody goes on with. A job that ticks all the time needs none: its next
-- tick goes on. A chain of runs is broken when its last link
--   ran out of time and asked for no continuation: its function died, or its call got no answer
--   is the run of a slot that began and was lost; the slot of one that never began is claimed again (jobs.mark_lost_runs)
--   is a continuation that was lost, or that met another run
-- and what completed last left something to do, or a run of the schedule's own has died since: nobody knows how far it came. Not when another
-- run is under way, when an operator has to decide (a limit, a failure, the brake), or when the catch-up is over. Runs that get lost one
-- after the other are given up, in each slot anew: after alert_after of them, and by then L002 is open.
create or replace function jobs.broken_chains(p_now timestamptz) returns setof uuid
language sql stable
set search_path = ''
as $$
  -- the last link: a run that ended by itself, or one of the schedule's own that did not
  with link as (
    select r.*, s.catch_up
    from jobs.schedules s
    cross join lateral (
      select *
      from public.job_runs r
      where r.job = s.job and not r.dry_run and r.order_id is null
        and (
          r.status in ('succeeded', 'partial', 'failed', 'braked')
          or r.status in ('lost', 'skipped') and r.continues is not null
          or r.status = 'lost' and exists (select from jobs.schedule_slots t where t.run_id = r.id)
        )
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
  -- what their jobs completed last, and when their last slot was claimed
  begun as (
    select c.id, c.job, d.backlog, greatest(d.created_at, t.claimed_at) as at
    from cut_off c
    left join lateral (
      select *
      from public.job_runs r
      where r.job = c.job and r.status in ('succeeded', 'partial') and not r.dry_run and r.order_id is null
      order by r.finished_at desc
      limit 1
    ) d on true
    left join lateral (select max(t.claimed_at) as claimed_at from jobs.schedule_slots t where t.job = c.job) t on true
  )
  select b.id
  from begun b
  cross join jobs.watch_settings() g
  cross join lateral (
    select count(*) as lost,
      bool_or(r.started_at is not null and r.trigger in ('schedule', 'continuation')) as died
    from public.job_runs r
    where r.job = b.job and r.created_at >= b.at and r.status = 'lost' and not r.dry_run and r.order_id is null
  ) since
  where (b.backlog > 0 or since.died) and since.lost < g.alert_after;
$$;

comment on function jobs.broken_chains(timestamptz) is 'Runs of weekly jobs that nobody goes on with although work is left.';

comment on function jobs.resume_chains(timestamptz) is 'Goes on with the weekly work whose run died or whose continuation got lost.';
