-- Due orders, and the brake: if unusually many orders are due for the first time, a run stops before it changes
-- anything.

-- Contract: due orders of a job, counted up to a cap, and since when the oldest has waited. The clean-up reports no
-- oldest one: its orders may wait for the weekly slot, so an alert about overdue orders would be false. A Stripe list
-- that it has not read for an hour counts as one due order, because payments of unknown orders are found there.
create function lapse.job_due(p_job text, p_now timestamptz, p_cap integer)
returns table (due integer, oldest timestamptz)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_job = 'expire-stale-orders' then
    return query
    select count(*)::integer, min(d.since)
    from (
      select coalesce(o.due_since, o.next_check_at) as since
      from lapse.orders o
      where o.next_check_at is not null and o.next_check_at <= p_now and o.status <> 'unknown'
      order by o.next_check_at, o.ref
      limit p_cap
    ) d;
  elsif p_job = 'cleanup-stale-payment-intents' then
    return query
    select greatest(count(*), (p_cap > 0 and lapse.list_is_behind(p_now => p_now))::integer)::integer, null::timestamptz
    from (
      select
      from lapse.orders o
      where o.next_check_at is not null and o.next_check_at <= p_now and o.status in ('expired', 'paid', 'unknown')
      order by o.next_check_at, o.ref
      limit p_cap
    ) d;
  else
    -- A job without a queue of orders always has something to do.
    return query select least(p_cap, 1), null::timestamptz;
  end if;
end;
$$;

-- Contract: how many orders are due for the first time, up to a cap: what the brake counts. Orders that were due when
-- an operator released the brake do not count; rechecks never do.
create function lapse.first_due(p_job text, p_released_at timestamptz, p_now timestamptz, p_cap integer) returns integer
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select count(*)::integer
  from (
    (
      select
      from lapse.orders o
      where p_job = 'expire-stale-orders' and o.next_check_at is not null and o.next_check_at <= p_now
        and o.status in ('pending', 'expiring') and o.looks = 0 and o.due_since > coalesce(p_released_at, '-infinity')
      limit p_cap
    )
    union all
    (
      select
      from lapse.orders o
      where p_job = 'cleanup-stale-payment-intents' and o.next_check_at is not null and o.next_check_at <= p_now
        and o.status in ('expired', 'paid', 'unknown') and o.looks = 0
        and coalesce(o.due_since, o.next_check_at) > coalesce(p_released_at, '-infinity')
      limit p_cap
    )
  ) d;
$$;

-- Contract: what is due for the first time, as far as the ledger knows it: number of orders, amounts, payment methods
-- and age, with the oldest and the largest. Reads the 10,000 that fell due first; {} if there is none. A dry run says
-- more, because it asks the shop and Stripe.
create function lapse.first_due_summary(p_job text, p_released_at timestamptz, p_now timestamptz) returns jsonb
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with due as materialized (
    select o.ref, o.amount, o.currency, coalesce(o.method, 'unknown') as method, o.deadline
    from lapse.orders o
    where o.next_check_at is not null and o.next_check_at <= p_now and o.looks = 0
      and o.status = any (case p_job when 'expire-stale-orders' then '{pending,expiring}' else '{expired,paid,unknown}' end::text[])
      and coalesce(o.due_since, o.next_check_at) > coalesce(p_released_at, '-infinity')
    order by o.next_check_at, o.ref
    limit 10000
  ),
  methods as (
    select d.method, count(*) as n from due d group by d.method
  ),
  money as (
    select d.currency, sum(d.amount) as amount from due d where d.currency is not null group by d.currency
  )
  select jsonb_strip_nulls(jsonb_build_object(
    'count', count(*),
    'refs', (array_agg(d.ref order by d.deadline, d.ref))[1:5],
    'amounts', (select jsonb_object_agg(m.currency, m.amount) from money m where m.amount is not null),
    'summary', concat_ws('; ',
      format('deadlines from %s to %s UTC', to_char(min(d.deadline) at time zone 'UTC', 'YYYY-MM-DD HH24:MI'),
        to_char(max(d.deadline) at time zone 'UTC', 'YYYY-MM-DD HH24:MI')),
      'methods: ' || (select string_agg(format('%s %s', m.n, m.method), ', ' order by m.n desc, m.method) from methods m),
      'oldest: order ' || (array_agg(d.ref order by d.deadline, d.ref))[1],
      'largest: order ' || (
        select format('%s, %s', l.ref, lapse.spell_amount(p_amount => l.amount, p_currency => l.currency))
        from due l
        where l.amount is not null
        order by l.amount / lapse.minor_units(p_amount => 1, p_currency => l.currency) desc, l.ref
        limit 1
      )
    )
  ))
  from due d
  having count(*) > 0;
$$;

-- Contract: why the brake stops this run, with an alert; null if it does not. A release (brake_released_at, inherited
-- by continuations) covers the orders that were due when it was given, and the switch brake_on.
create function lapse.brake_reason(p_run lapse.runs, p_now timestamptz) returns text
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_threshold integer;
  v_reason text;
  v_summary jsonb;
begin
  select s.brake_threshold into strict v_threshold from lapse.settings s;
  v_reason := case
    when (p_run).brake_released_at is null and (select j.brake_on from lapse.jobs j where j.job = (p_run).job)
      then 'The brake is on until an operator releases it'
    when lapse.first_due(
      p_job => (p_run).job, p_released_at => (p_run).brake_released_at, p_now => p_now, p_cap => v_threshold + 1
    ) > v_threshold then format('More than %s orders are due for the first time', v_threshold)
  end;
  if v_reason is not null then
    v_summary := coalesce(
      lapse.first_due_summary(p_job => (p_run).job, p_released_at => (p_run).brake_released_at, p_now => p_now), '{}'
    );
    perform lapse.raise_alert(
      p_key => 'brake:' || (p_run).job, p_job => (p_run).job, p_severity => 'critical',
      p_message => format('The brake of %s is on, so its runs change nothing', (p_run).job),
      p_details => v_summary - 'summary' || jsonb_build_object(
        'threshold', v_threshold, 'runId', (p_run).id, 'cause', concat_ws('; ', v_reason, v_summary ->> 'summary')
      ),
      p_now => p_now
    );
  end if;
  return v_reason;
end;
$$;
