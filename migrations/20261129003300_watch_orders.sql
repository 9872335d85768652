-- Checks of the watch about the results of runs: the brake, orders that wait, quarantined orders, lists that cannot be
-- read.

-- Only a braked run raises this alert. The brake is on while the switch is on, or while more orders are due for the
-- first time than an operator's last release covers. The alert must not close too soon, because the orders that a run
-- held back fall due a moment later.
create function lapse.check_brake(p_now timestamptz) returns setof lapse.condition
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select a.key, a.job, 'critical',
    format('The brake of %s is on, so its runs change nothing', a.job),
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

-- Contract: jobs with an order that has waited for a decision longer than overdue_after, and since when. It counts from
-- due_since, which handing an order back never changes. lapse-health uses this as well. The clean-up is not included,
-- because its orders may wait for the weekly slot. Nothing is overdue before the job was first turned on.
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

-- L008: jobs with an order that has waited too long.
create function lapse.check_overdue(p_now timestamptz) returns setof lapse.condition
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select 'overdue:' || o.job, o.job, 'critical', 'An order has waited too long for a decision', o.oldest_due_at,
    jsonb_build_object('ref', o.ref, 'amount', l.amount, 'currency', l.currency, 'cause', concat_ws('; ',
      coalesce(l.reason, 'no run has decided about it'),
      (
        select concat_ws(': ', 'the last run was ' || r.status, nullif(r.error, r.status))
        from lapse.last_runs('{succeeded,partial,failed,lost,braked}', 1) r
        where r.job = o.job and r.error is not null
      )
    ))
  from lapse.overdue_jobs(p_now) o
  join lapse.orders l on l.ref = o.ref;
$$;

-- `count` makes the webhook repeat the alert as it grows (lapse.write_messages).
create function lapse.check_quarantined(p_now timestamptz) returns setof lapse.condition
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select 'quarantined', null, 'warning',
    case sum(q.n) when 1 then 'An order is quarantined' when 100000 then '100000 orders or more are quarantined'
      else format('%s orders are quarantined', sum(q.n)) end,
    null::timestamptz, jsonb_build_object('count', sum(q.n), 'refs', (array_agg(q.ref order by q.n desc, q.ref))[1:5], 'cause', (
      string_agg(format('%s %s', q.n, q.reason), ', ' order by q.n desc, q.reason)
    ))
  from (
    select o.reason, count(*) as n, min(o.ref) as ref
    from (select * from lapse.orders r where r.status = 'quarantined' order by r.ref limit 100000) o
    group by o.reason
  ) q
  having count(*) > 0;
$$;

-- Without an adapter every run would fail. None is expected before the jobs are turned on.
create function lapse.check_adapter(p_now timestamptz) returns setof lapse.condition
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select 'adapter', null, 'critical', 'The shop''s adapter does not fit', null::timestamptz, jsonb_build_object('cause', x.problem)
  from lapse.adapter_problem() x (problem)
  where x.problem is not null
    and exists (select from lapse.schedules s where s.active and s.job in (select j.job from lapse.jobs j));
$$;

-- L019: entries of the inbox that cannot be interpreted.
create function lapse.check_inbox(p_now timestamptz) returns setof lapse.condition
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select 'inbox', null, 'critical', 'The shop''s triggers noted something that Lapse cannot interpret', min(i.at),
    jsonb_build_object(
      'count', count(*), 'refs', (array_agg(i.ref order by i.id))[1:5],
      'cause', (array_agg(format('entry %s, %s: %s', i.id, i.kind, i.error) order by i.id))[1]
    )
  from (select * from lapse.inbox e where e.error is not null order by e.id limit 20) i
  having count(*) > 0;
$$;

-- The mode of the Stripe key that the last runs used: true for live, null before any run.
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

-- Only lists of the runs' mode matter, and of a connected account only while it has due orders (among the 10,000
-- oldest): otherwise no run would read the list again and close the alert. A warning at first, because the next run may
-- read it.
create function lapse.check_list_unread(p_now timestamptz) returns setof lapse.condition
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select 'list_unread', null, case when min(c.failing_since) < p_now - min(g.overdue_after) then 'critical' else 'warning' end,
    'A list of payments at Stripe cannot be read, and orders of that account wait', min(c.failing_since),
    jsonb_build_object('count', count(*), 'cause', string_agg(
      format('%s%s, read to %s UTC: %s', c.list, ' of ' || nullif(c.account, ''), to_char(c.read_to at time zone 'UTC', 'YYYY-MM-DD HH24:MI'), c.error),
      '; ' order by c.failing_since
    ))
  from lapse.watch_settings() g
  cross join lateral (
    select f.*
    from lapse.list_cursors f
    where f.failing_since is not null and f.livemode = lapse.mode_of_runs()
      and (f.account = '' or f.account in (
        select d.account
        from (
          select o.account
          from lapse.orders o
          where o.next_check_at is not null and o.next_check_at <= p_now and o.status in ('pending', 'expiring')
          order by o.next_check_at, o.ref
          limit 10000
        ) d
      ))
    order by f.failing_since
    limit 20
  ) c
  having count(*) > 0;
$$;

-- `count` makes the webhook repeat the alert as it grows.
create function lapse.check_refunds_held(p_now timestamptz) returns setof lapse.condition
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select 'refunds_held', null, 'warning',
    case count(*) when 1 then 'A refund is waiting for an operator' else format('%s refunds are waiting for an operator', count(*)) end,
    min(r.held_since), jsonb_build_object(
      'count', count(*), 'refs', (array_agg(r.ref order by r.held_since))[1:5],
      'cause', format(
        'settings allow %s refunds and %s minor units of a currency a day', min(s.refunds_per_day), min(s.refunded_per_day)
      )
    )
  from lapse.watch_settings() s
  cross join (select * from lapse.refunds h where h.held_since is not null order by h.held_since limit 100000) r
  having count(*) > 0;
$$;

create index payments_open_idx on lapse.payments (attached_at) where state = 'open';

-- L021: payments that have been processing for a very long time.
create function lapse.check_processing_long(p_now timestamptz) returns setof lapse.condition
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select 'processing_long', null, 'warning',
    case count(*) when 1 then 'A payment has been processing for a very long time'
      else format('%s payments have been processing for a very long time', count(*)) end,
    min(p.attached_at), jsonb_build_object(
      'count', count(*), 'refs', (array_agg(p.ref order by p.attached_at))[1:5],
      'payments', (array_agg(p.stripe_id order by p.attached_at))[1:5], 'cause', 'Stripe says: processing'
    )
  from lapse.watch_settings() g
  cross join lateral (
    select o.*
    from lapse.payments o
    where o.state = 'open' and o.reason = 'processing' and o.attached_at < p_now - g.processing_alert
      -- Settling records since when Stripe reports it: a voucher of last month may have been paid yesterday.
      and coalesce((o.evidence ->> 'processing_since')::timestamptz, o.attached_at) < p_now - g.processing_alert
    order by o.attached_at
    limit 1000
  ) p
  having count(*) > 0;
$$;

-- Nothing else notices an order that remains undecided after every check: it is neither overdue nor quarantined. Only
-- an order with a payment can be in this state; the others expire. A payment that is processing has its own alert.
create function lapse.check_unfinished(p_now timestamptz) returns setof lapse.condition
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select 'unfinished', null, 'warning',
    case count(*) when 1 then 'An order is still open long after its deadline'
      else format('%s orders are still open long after their deadlines', count(*)) end,
    min(u.deadline), jsonb_build_object(
      'count', count(*), 'refs', (array_agg(u.ref order by u.deadline, u.ref))[1:5],
      'payments', (array_agg(u.stripe_id order by u.deadline, u.ref))[1:5],
      'cause', format('the oldest waits for: %s', (array_agg(u.reason order by u.deadline, u.ref))[1])
    )
  from (
    select o.ref, greatest(o.deadline, o.hold_until) as deadline, min(p.stripe_id) as stripe_id, coalesce(o.reason, min(p.reason)) as reason
    from lapse.watch_settings() g
    cross join lateral (
      select q.*
      from lapse.payments q
      where q.state = 'open' and q.attached_at < p_now - g.unfinished_after
      order by q.attached_at
      limit 1000
    ) p
    join lapse.orders o on o.ref = p.ref
    where o.status in ('pending', 'expiring') and greatest(o.deadline, o.hold_until) < p_now - g.unfinished_after
    group by o.ref
    having bool_and(p.reason is distinct from 'processing')
  ) u
  having count(*) > 0;
$$;
