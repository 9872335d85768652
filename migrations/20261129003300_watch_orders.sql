-- Checks of the watch about the results of runs: the brake, orders that wait, quarantined orders, lists that cannot be
-- read.

-- The brake is raised by the run that met it, and by nothing else. It is on while the switch is, and while more orders are due for the first
-- time than an operator's last release covers. It must not be closed too soon either: what a run held back falls due a moment after.
create function lapse.check_brake(p_now timestamptz) returns setof lapse.condition
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select a.key, a.job, 'critical',
    case when j.brake_on then format('The brake of %s is on until an operator releases it', a.job)
      else format('The brake of %s is on, as more than %s orders are due for the first time', a.job, g.brake_threshold) end,
    a.first_seen_at, a.details
  from lapse.alerts a
  join lapse.jobs j on j.job = a.job
  cross join lapse.watch_settings() g
  where a.key like 'brake:%' and a.resolved_at is null
    and (
      j.brake_on
      or lapse.first_due(
        p_job => a.job,
        p_released_at => (
          select max(r.brake_released_at) from lapse.runs r where r.job = a.job and r.created_at >= a.first_seen_at - interval '1 day'
        ),
        p_now => p_now, p_cap => g.brake_threshold + 1
      ) > g.brake_threshold
      or exists (
        select from lapse.runs r
        where r.id = (a.details ->> 'runId')::uuid
          and (r.finished_at is null or r.status = 'braked' and r.finished_at > p_now - interval '10 seconds')
      )
    );
$$;
comment on function lapse.check_brake(timestamptz) is 'L007: brakes whose cause is still there.';

-- Contract: jobs with an order that has waited for a decision for longer than overdue_after, and since when. Counted by due_since, which
-- handing an order back never moves. lapse-health asks this, too. The clean-up is not asked: what it finds may wait for its weekly slot.
-- Nothing is overdue before the job was first turned on.
create function lapse.overdue_jobs(p_now timestamptz) returns table (job text, ref text, oldest_due_at timestamptz)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select s.job, d.ref, d.due_since
  from lapse.watch_settings() g
  join lapse.schedules s on s.job = 'expire-stale-orders' and s.enabled_at is not null
  cross join lateral (
    select o.ref, o.due_since from lapse.orders o where o.status in ('pending', 'expiring') order by o.due_since limit 1
  ) d
  where d.due_since < p_now - g.overdue_after;
$$;
comment on function lapse.overdue_jobs(timestamptz) is 'Jobs with an order that has waited too long.';

create function lapse.check_overdue(p_now timestamptz) returns setof lapse.condition
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select 'overdue:' || o.job, o.job, 'critical', format('The oldest order due for %s is waiting', o.job), o.oldest_due_at,
    jsonb_build_object('oldestDueAt', o.oldest_due_at, 'ref', o.ref)
  from lapse.overdue_jobs(p_now) o
  -- One cause, one alert: while the brake is on everything waits.
  where not exists (select from lapse.alerts a where a.key = 'brake:' || o.job and a.resolved_at is null);
$$;
comment on function lapse.check_overdue(timestamptz) is 'L008: jobs with an order that has waited too long.';

-- `orders` makes the alert be told again as it grows (lapse.alert_messages).
create function lapse.check_quarantined(p_now timestamptz) returns setof lapse.condition
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select 'quarantined', null, 'warning',
    case count(*) when 1 then 'An order is quarantined' when 100000 then '100000 orders or more are quarantined'
      else format('%s orders are quarantined', count(*)) end,
    null::timestamptz, jsonb_build_object('orders', count(*), 'examples', (array_agg(q.ref order by q.ref))[1:5])
  from (select o.ref from lapse.orders o where o.status = 'quarantined' order by o.ref limit 100000) q
  having count(*) > 0;
$$;
comment on function lapse.check_quarantined(timestamptz) is 'L010: orders kept for an operator to decide.';

-- Every run would fail. None is expected before the jobs are turned on.
create function lapse.check_adapter(p_now timestamptz) returns setof lapse.condition
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select 'adapter', null, 'critical', rtrim(x.problem, '.'), null::timestamptz, '{}'::jsonb
  from lapse.adapter_problem() x (problem)
  where x.problem is not null
    and exists (select from lapse.schedules s where s.active and s.job in (select j.job from lapse.jobs j));
$$;
comment on function lapse.check_adapter(timestamptz) is 'L018: the shop''s adapter is missing or does not fit.';

create function lapse.check_inbox(p_now timestamptz) returns setof lapse.condition
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select 'inbox', null, 'critical', 'The shop''s triggers noted something that Lapse cannot interpret', min(i.at),
    jsonb_build_object('entries', jsonb_agg(jsonb_build_object('id', i.id, 'kind', i.kind, 'ref', i.ref, 'error', i.error) order by i.id))
  from (select * from lapse.inbox e where e.error is not null order by e.id limit 20) i
  having count(*) > 0;
$$;
comment on function lapse.check_inbox(timestamptz) is 'L019: entries of the inbox that cannot be interpreted.';

-- Contract: the mode of the Stripe key that the last runs worked with: true for live, null before any run.
create function lapse.mode_of_runs() returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select l.livemode
  from lapse.jobs j
  cross join lateral (
    select r.livemode, r.created_at from lapse.runs r where r.job = j.job and r.livemode is not null order by r.created_at desc limit 1
  ) l
  order by l.created_at desc
  limit 1;
$$;
comment on function lapse.mode_of_runs() is 'The mode of the Stripe key that the last runs worked with; true: live.';

-- Lists of the mode that the runs work in; those of another mode do not matter. A warning at first: the next run may
-- read the list.
create function lapse.check_list_unread(p_now timestamptz) returns setof lapse.condition
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select 'list_unread', null, case when min(c.failing_since) < p_now - min(g.overdue_after) then 'critical' else 'warning' end,
    'A list of payments at Stripe cannot be read, and orders of that account wait', min(c.failing_since),
    jsonb_build_object('lists', count(*), 'examples', jsonb_agg(
      jsonb_build_object('account', c.account, 'list', c.list, 'readTo', c.read_to, 'error', c.error) order by c.failing_since
    ))
  from lapse.watch_settings() g
  cross join lateral (
    select f.*
    from lapse.list_cursors f
    where f.failing_since is not null and f.livemode = lapse.mode_of_runs()
    order by f.failing_since
    limit 20
  ) c
  having count(*) > 0;
$$;
comment on function lapse.check_list_unread(timestamptz) is 'L020: lists at Stripe that cannot be read.';

create function lapse.check_refunds_held(p_now timestamptz) returns setof lapse.condition
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select 'refunds_held', null, 'warning',
    case count(*) when 1 then 'A refund is waiting for an operator' else format('%s refunds are waiting for an operator', count(*)) end,
    min(r.held_since), jsonb_build_object('refunds', count(*), 'examples', (array_agg(
      jsonb_build_object('id', r.id, 'stripeId', r.stripe_id, 'ref', r.ref, 'amount', r.amount, 'currency', r.currency) order by r.held_since
    ))[1:5])
  from (select * from lapse.refunds h where h.held_since is not null order by h.held_since limit 100000) r
  having count(*) > 0;
$$;
comment on function lapse.check_refunds_held(timestamptz) is 'L027: refunds beyond the day''s limit.';

create index payments_open_idx on lapse.payments (attached_at) where state = 'open';

create function lapse.check_processing_long(p_now timestamptz) returns setof lapse.condition
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select 'processing_long', null, 'warning',
    case count(*) when 1 then 'A payment has been processing' else format('%s payments have been processing', count(*)) end,
    min(p.attached_at), jsonb_build_object('payments', count(*), 'examples', (array_agg(
      jsonb_build_object('stripeId', p.stripe_id, 'ref', p.ref, 'attachedAt', p.attached_at) order by p.attached_at
    ))[1:5])
  from lapse.watch_settings() g
  cross join lateral (
    select o.*
    from lapse.payments o
    where o.state = 'open' and o.reason = 'processing' and o.attached_at < p_now - g.processing_alert
      -- Settling notes since when Stripe says so: a voucher of last month may have been paid yesterday.
      and coalesce((o.evidence ->> 'processing_since')::timestamptz, o.attached_at) < p_now - g.processing_alert
    order by o.attached_at
    limit 1000
  ) p
  having count(*) > 0;
$$;
comment on function lapse.check_processing_long(timestamptz) is 'L021: payments that have been processing for very long.';
