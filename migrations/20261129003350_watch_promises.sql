-- Checks of the watch for invariants. They read more than the other checks and so have their own interval; none of them
-- reads closed orders.

-- Contract: recent runs whose counters differ from their decisions. Retention keeps a decision as long as its run, so
-- any run that still exists can be recounted.
create function lapse.miscounted_runs(p_since timestamptz) returns setof uuid
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select r.id
  from lapse.runs r
  cross join lateral (
    select
      count(*) filter (where d.outcome = 'expired') as orders_expired,
      count(*) filter (where d.outcome = 'paid') as orders_paid,
      count(*) filter (where d.outcome = 'waiting') as orders_waiting,
      count(*) filter (where d.outcome = 'retry') as orders_retried,
      count(*) filter (where d.outcome = 'quarantined') as orders_quarantined,
      coalesce(sum(d.units_released), 0) as stock_released,
      count(*) filter (where d.subject = 'payment_intent' and d.outcome = 'canceled') as payment_intents_canceled,
      count(*) filter (where d.subject = 'checkout_session' and d.outcome = 'canceled') as checkout_sessions_expired,
      count(*) filter (where d.outcome = 'kept') as payments_kept,
      count(*) filter (where d.outcome = 'late_payment') as late_payments
    from lapse.decisions d
    where d.run_id = r.id
  ) c
  where (r.finished_at is null or r.finished_at > p_since)
    and (
      r.orders_expired, r.orders_paid, r.orders_waiting, r.orders_retried, r.orders_quarantined, r.stock_released,
      r.payment_intents_canceled, r.checkout_sessions_expired, r.payments_kept, r.late_payments
    ) is distinct from (
      c.orders_expired, c.orders_paid, c.orders_waiting, c.orders_retried, c.orders_quarantined, c.stock_released,
      c.payment_intents_canceled, c.checkout_sessions_expired, c.payments_kept, c.late_payments
    );
$$;

-- L012: invariants of the database that do not hold.
create function lapse.check_invariant(p_now timestamptz) returns setof lapse.condition
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select 'invariant:counters', null, 'critical',
    case count(*) when 1 then 'The counters of a run differ from its decisions'
      else format('Counters of %s runs differ from their decisions', count(*)) end,
    null::timestamptz, jsonb_build_object('count', count(*), 'runId', min(m.id::text), 'cause', (
      'for example runs ' || array_to_string((array_agg(m.id order by m.id))[1:5], ', ')
    ))
  from lapse.watch_settings() g
  cross join lateral lapse.miscounted_runs(p_now - greatest(g.invariant_interval * 2, interval '1 hour')) m (id)
  having count(*) > 0
  union all
  select 'invariant:days', null, 'critical', format('The days of %s job(s) do not add up to their totals', count(*)),
    null::timestamptz, jsonb_build_object('count', count(*), 'cause', string_agg(m.job, ', ' order by m.job))
  from lapse.metrics m
  cross join lateral (
    select
      coalesce(sum(d.orders_expired), 0) as orders_expired,
      coalesce(sum(d.orders_paid), 0) as orders_paid,
      coalesce(sum(d.stock_released), 0) as stock_released,
      coalesce(sum(d.payment_intents_canceled), 0) as payment_intents_canceled,
      coalesce(sum(d.runs), 0) as runs
    from lapse.metrics_daily d
    where d.job = m.job
  ) d
  where (m.orders_expired_total, m.orders_paid_total, m.stock_released_total, m.payment_intents_canceled_total, m.runs_total)
    is distinct from (d.orders_expired, d.orders_paid, d.stock_released, d.payment_intents_canceled, d.runs)
  having count(*) > 0;
$$;

-- Contract: adopts what the shop's triggers recorded and what they missed, so that only real disagreements count as
-- drift. Before the jobs are turned on, `lapse enable` does this and reports how many orders it adopted.
create function lapse.repair_drift(p_now timestamptz) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if lapse.adapter_problem() is null
    and exists (select from lapse.schedules s where s.job = 'expire-stale-orders' and s.enabled_at is not null)
  then
    perform lapse.fold_inbox(p_refs => null, p_limit => 10000, p_now => p_now);
    perform lapse.adopt_orders(p_limit => 1000, p_now => p_now);
  end if;
end;
$$;

-- L022: orders about which shop and ledger disagree.
create function lapse.check_drift(p_now timestamptz) returns setof lapse.condition
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  if lapse.adapter_problem() is not null
    or not exists (select from lapse.schedules s where s.job = 'expire-stale-orders' and s.enabled_at is not null)
  then
    return;
  end if;
  return query
  select 'drift', null::text, 'critical', format('Shop and ledger disagree about %s', case count(*) when 1 then 'an order' else count(*) || ' orders' end), null::timestamptz,
    jsonb_build_object('count', count(*), 'refs', (array_agg(d.ref order by d.name, d.ref))[1:5], 'cause', (
      array_to_string((array_agg(format('%s: %s', d.name, d.ref) order by d.name, d.ref))[1:5], ', ')
    ))
  from lapse.drift() d
  having count(*) > 0;
end;
$$;

-- L023: privileges that are more, or less, than Lapse grants, for example after a restore. lapse.secure() corrects
-- them.
create function lapse.check_privileges(p_now timestamptz) returns setof lapse.condition
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  return query
  select 'privileges', null::text, 'critical', case count(*) when 1 then 'A privilege differs from what Lapse grants'
      else format('%s privileges differ from what Lapse grants', count(*)) end, null::timestamptz,
    jsonb_build_object('count', count(*), 'cause', array_to_string((array_agg(p.sentence order by p.sentence))[1:5], '; '))
  from lapse.privilege_problems() p (sentence)
  having count(*) > 0;
end;
$$;
