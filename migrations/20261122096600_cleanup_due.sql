-- What is due for the clean-up: the brake, the backlog and the watch go by it.

-- Contract: payments to look at, up to p_cap; 1 when there are none but the sweep has a slice to walk; 0 lets a run end without a call to
-- Stripe. A clean-up that met the brake in the middle also counts what it ended before: the brake stays on until an operator
-- releases it. The mode is that of the last sweep: the list of another mode's key is nothing this one can work on.
create function jobs.cleanup_due(p_now timestamptz, p_cap integer) returns integer
language sql stable
set search_path = ''
as $$
  with mode as (
    select coalesce((select s.livemode from public.job_sweeps s order by s.started_at desc, s.id desc limit 1), r.livemode, false) as livemode
    from (select) as one
    left join lateral (select r.livemode from jobs.revisits r limit 1) r on true
  )
  select least(p_cap, greatest(
    (
      select count(*) from jobs.cleanup_candidates(p_livemode => m.livemode, p_due_by => p_now, p_limit => p_cap)
    ) + (select case when e.braked then e.ended else 0 end from jobs.cleanup_ended() e),
    (public.jobs_preview_slice(p_livemode => m.livemode, p_walked_from => null, p_walked_to => null, p_now => p_now) is not null)::integer
  ))::integer
  from mode m;
$$;

comment on function jobs.cleanup_due(timestamptz, integer) is 'Number of payments the clean-up has to look at, up to a cap.';

-- The clean-up names no oldest item: what it finds may wait for its weekly slot, and an overdue alert would cry wolf.
create or replace function jobs.job_due(p_job text, p_now timestamptz, p_cap integer)
returns table (due integer, oldest timestamptz)
language sql stable
set search_path = ''
as $$
  select d.due, d.oldest from jobs.shop_due(p_now => p_now, p_cap => p_cap) d where p_job = 'expire-stale-orders'
  union all
  select jobs.cleanup_due(p_now => p_now, p_cap => p_cap), null where p_job = 'cleanup-stale-payment-intents';
$$;

revoke all on all functions in schema jobs from public;
