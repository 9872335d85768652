-- What is due for the clean-up: the brake, the backlog and the watch go by it.

-- Contract: payments that wait to be ended, up to p_cap: open ones of closed orders, and those that a run set out to end or put off.
-- Payments that are only to be looked at again do not count, but make it 1, like a slice that the sweep has to walk; 0 lets a run end
-- without a call to Stripe. A clean-up that met the brake in the middle also counts what it ended before, so that the brake stays on
-- until an operator releases it. The mode is that of the last sweep: the list of another mode is nothing this key can work on.
create function jobs.cleanup_due(p_now timestamptz, p_cap integer) returns integer
language sql stable
set search_path = ''
as $$
  with mode as (
    select coalesce((select s.livemode from public.job_sweeps s order by s.started_at desc, s.id desc limit 1), false) as livemode
  ),
  revisits as (
    select count(*) as due,
      count(*) filter (
        where r.reason in ('ending', 'brake', 'limit_reached', 'out_of_time', 'run_stopped', 'throttled')
      ) as to_end
    from jobs.revisits r
    join mode m using (livemode)
    where r.next_look_at <= p_now
  ),
  to_end as (
    select r.to_end
      + (select count(*) from mode m cross join jobs.shop_stale_payments(p_livemode => m.livemode, p_limit => p_cap))
      + (select case when e.braked then e.ended else 0 end from jobs.cleanup_ended() e) as n
    from revisits r
  )
  select least(p_cap, case
    when t.n > 0 then t.n
    when r.due > 0 then 1
    when public.jobs_preview_slice(p_livemode => m.livemode, p_walked_from => null, p_walked_to => null, p_now => p_now) is null then 0
    else 1
  end)::integer
  from to_end t
  cross join revisits r
  cross join mode m;
$$;

comment on function jobs.cleanup_due(timestamptz, integer) is 'Number of payments that wait to be ended, up to a cap; 1 for other work.';

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
