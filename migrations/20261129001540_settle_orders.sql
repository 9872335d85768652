-- settle_orders: writes a batch of decisions, with all their consequences, in one transaction.

-- Contract: settles a JSON list of OrderDecision (functions/_shared/rules/orders.ts): orders, payments, decisions,
-- counters and the shop's orders with their stock commit together or not at all. Returns {"outcomes": {"expired": n,
-- …}, "superseded": n} and the run's pace. Superseded orders were decided or locked by another transaction meanwhile;
-- they were left alone. A second call with the same decisions applies nothing, and a call without decisions only tells
-- the pace. Raises 22023 for two decisions about one order, LP001 without the lease, LP002 when the shop refuses.
--
-- Order of locks: the lease, the shop's order rows, ledger rows by ref, payments, decisions, and articles last, in
-- finish_shop_orders.
create function lapse.settle_orders(
  p_run_id uuid,
  p_fence bigint,
  p_decisions jsonb,
  p_now timestamptz default now()
) returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_run lapse.runs := lapse.hold_lease(p_run_id => p_run_id, p_fence => p_fence, p_now => p_now);
  v_refs text[] := lapse.decided_refs(p_decisions => p_decisions);
  v_decisions jsonb := p_decisions;
  v_shop jsonb;
  v_named text[];
  v_named_ids text[];
  v_unrecorded text[] := '{}'::text[];
  v_foreign text[] := '{}'::text[];
  v_locked text[];
  v_held text[];
  v_payments lapse.decision[];
  v_orders lapse.decision[];
  v_late lapse.decision[];
  v_revived text[];
begin
  if v_run.operator_word then
    v_decisions := lapse.apply_operator_word(p_run => v_run, p_decisions => p_decisions, p_now => p_now);
  end if;

  -- Lock the shop's rows first: of orders to close, and of orders that received money. While it holds them Lapse stops
  -- waiting well before PostgreSQL looks for a deadlock.
  perform set_config('lock_timeout', '200ms', true);
  with locked as materialized (
    select * from lapse.lock_shop_orders(p_wait => false, p_refs => array(
      select d.ref
      from lapse.order_decisions(p_decisions => v_decisions) d
      where d.outcome in ('expired', 'paid') or d.payments @? '$[*] ? (@.state == "paid")'
      order by d.ref
    ))
  ),
  named as (
    select l.ref, id from locked l cross join unnest(l.stripe_ids) id
  )
  select
    coalesce(jsonb_object_agg(l.ref, jsonb_build_object('state', l.state, 'units', l.units)), '{}'),
    (select array_agg(n.ref order by n.ref, n.id) from named n),
    (select array_agg(n.id order by n.ref, n.id) from named n)
  into v_shop, v_named, v_named_ids
  from locked l;

  -- Now each trigger that committed before the lock is in the inbox. Fold only the locked orders; other transactions
  -- may hold the entries of the rest.
  perform lapse.fold_inbox(p_refs => array(select jsonb_object_keys(v_shop)), p_limit => null, p_now => p_now);
  if v_named <> '{}' then
    v_unrecorded := lapse.record_named_payments(p_refs => v_named, p_stripe_ids => v_named_ids, p_now => p_now);
    v_foreign := array(
      select n.ref
      from unnest(v_named, v_named_ids) as n (ref, id)
      join lapse.payments p on p.stripe_id = n.id and p.ref <> n.ref and p.state <> 'dead'
    );
  end if;

  v_locked := array(
    select o.ref from lapse.orders o where o.ref = any (v_refs) order by o.ref for no key update skip locked
  );
  -- A separate statement, so it has a newer snapshot: it sees the rows as they were when they were locked.
  v_held := array(
    select o.ref
    from lapse.order_decisions(p_decisions => v_decisions) d
    join lapse.orders o on o.ref = d.ref and o.run_id = v_run.id and o.attempt = d.attempt
    where o.ref = any (v_locked) and case
      when o.status = 'expiring' then d.outcome <> 'checked'
      when o.status = 'quarantined'
        then d.outcome in ('checked', 'waiting', 'retry', 'handed_back', 'quarantined', 'paid')
      when o.status in ('paid', 'expired', 'unknown') then d.outcome in ('checked', 'waiting', 'retry', 'handed_back')
      else false
    end
    order by o.ref
  );

  v_payments := lapse.settle_payments(
    p_run => v_run, p_decisions => v_decisions, p_locked => v_locked, p_held => v_held, p_shop => v_shop, p_now => p_now
  );
  v_orders := lapse.settle_statuses(
    p_run => v_run, p_decisions => v_decisions, p_held => v_held, p_shop => v_shop, p_unrecorded => v_unrecorded,
    p_foreign => v_foreign,
    p_now => p_now
  );
  perform lapse.record_decisions(
    p_run => v_run, p_now => p_now,
    p_decisions => v_payments || array(
      select d from unnest(v_orders) d where d.outcome not in ('handed_back', 'checked')
    )
  );
  -- Check every order that received money, even one that another caller decided.
  v_revived := lapse.settle_wrong_money(p_patient => false, p_now => p_now, p_refs => array(
    select d.ref from unnest(v_payments) d where d.outcome in ('found_paid', 'late_payment')
    union
    select d.ref from unnest(v_orders) d where d.outcome in ('paid', 'expired')
  ));
  if v_revived <> '{}' then
    perform lapse.record_decisions(p_run => v_run, p_now => p_now, p_decisions => array(
      select row('order', ref, null, 'paid', 'revived', 0, null, null)::lapse.decision from unnest(v_revived) ref
    ));
  end if;
  v_late := array(
    select d from unnest(v_payments) d
    where d.outcome = 'late_payment' and d.ref <> all (v_revived)
      and not lapse.is_being_refunded(p_stripe_id => d.stripe_id, p_ref => d.ref)
  );
  if v_late <> '{}' then
    perform lapse.alert_late_money(p_run => v_run, p_late => v_late, p_now => p_now);
  end if;

  perform lapse.finish_shop_orders(
    p_expired => array(
      select d.ref
      from unnest(v_orders) d
      where d.outcome = 'expired' and v_shop #>> array[d.ref, 'state'] = 'open'
      order by d.ref
    ),
    p_paid => array(
      select d.ref
      from unnest(v_orders) d
      where d.outcome = 'paid' and v_shop #>> array[d.ref, 'state'] = 'open'
      order by d.ref
    )
  );
  return (
    with outcomes as (
      select d.outcome, count(*) as n from unnest(v_orders) d group by d.outcome
    )
    select jsonb_build_object(
      'outcomes', coalesce(jsonb_object_agg(o.outcome, o.n), '{}'),
      'superseded', cardinality(v_refs) - coalesce(sum(o.n), 0)
    ) || lapse.pace_of(p_run => v_run, p_now => p_now)
    from outcomes o
  );
end;
$$;

-- Contract: an alert for each order that one of these late payments was recorded for just now, unless the money's own
-- alert named it already.
create function lapse.alert_late_money(p_run lapse.runs, p_late lapse.decision[], p_now timestamptz) returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  select lapse.raise_alert(
    p_key => x.key, p_job => (p_run).job, p_severity => 'critical',
    p_message => case x.reason
      when 'order_absent' then 'A payment succeeded although its order does not exist'
      else 'A payment succeeded although its order is closed'
    end,
    p_details => jsonb_build_object(
      'ref', x.ref, 'amount', x.amount, 'currency', x.currency,
      -- several payments of one order are one alert that names them all
      'payments', coalesce((
        select a.details -> 'payments' from lapse.alerts a where a.key = x.key and a.resolved_at is null
      ), '[]') || x.stripe_ids,
      'cause', x.reason
    ),
    p_now => p_now
  )
  from (
    select 'late_payment:' || d.ref as key, d.ref, min(d.reason) as reason,
      jsonb_agg(d.stripe_id order by d.stripe_id) as stripe_ids, max(d.evidence ->> 'currency') as currency,
      sum(case when d.evidence ->> 'amount_received' ~ '^\d{1,18}$' then (d.evidence ->> 'amount_received')::bigint end) as amount
    from unnest(p_late) d
    group by d.ref
    order by d.ref
  ) x
  where not exists (select from lapse.alerts a where a.key = x.key and a.details -> 'payments' @> x.stripe_ids);
$$;

create function public.lapse_settle_orders(p_run_id uuid, p_fence bigint, p_decisions jsonb) returns jsonb
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
  select lapse.settle_orders(p_run_id => p_run_id, p_fence => p_fence, p_decisions => p_decisions, p_now => now());
$$;

comment on function public.lapse_settle_orders(uuid, bigint, jsonb) is
  'Settles a run''s decisions with all their consequences. For the Edge Functions (secret key) only.';
