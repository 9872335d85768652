-- What is due, and the brake: more orders due for the first time than usual stop a run before it touches anything.

-- Contract: due orders of a job, counted up to a cap, and since when the oldest has waited. The clean-up names no
-- oldest one: what it finds may wait for its weekly slot, and an alert about overdue orders would be a false one. A
-- list of Stripe's that it has not read for an hour counts as one: payments of orders that nobody knows are found
-- there.
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

comment on function lapse.job_due(text, timestamptz, integer) is
  'Due orders of a job, up to a cap, and since when the oldest has waited.';

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

comment on function lapse.first_due(text, timestamptz, timestamptz, integer) is
  'Orders due for the first time since the brake was released, up to a cap.';

-- Contract: why the brake stops this run, with an alert that says so; null when nothing stops it. A release
-- (brake_released_at, inherited by continuations) covers the orders that were due when it was given, and the switch
-- brake_on.
create function lapse.brake_reason(p_run lapse.runs, p_now timestamptz) returns text
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_threshold integer;
  v_reason text;
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
    perform lapse.raise_alert(
      p_key => 'brake:' || (p_run).job, p_job => (p_run).job, p_severity => 'critical',
      p_message => 'The brake is on: more orders are due than usual, and nothing was touched',
      p_details => jsonb_build_object(
        'threshold', v_threshold, 'runId', (p_run).id,
        'oldestDueAt', (
          select d.oldest from lapse.job_due(p_job => (p_run).job, p_now => p_now, p_cap => v_threshold + 1) d
        )
      ),
      p_now => p_now
    );
  end if;
  return v_reason;
end;
$$;

comment on function lapse.brake_reason(lapse.runs, timestamptz) is 'Why the brake stops a run, or null.';
