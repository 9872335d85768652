-- claim_orders and claim_without_payments: how a run claims.

-- Contract: stops handing out orders whose runs died several times. Open orders are quarantined as claim_lapsed;
-- closed and quarantined ones are checked again in a week, with an alert.
create function lapse.give_up(p_run lapse.runs, p_refs text[], p_now timestamptz) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_decisions lapse.decision[];
begin
  with given_up as (
    update lapse.orders o
    set status = case when o.status = 'expiring' then 'quarantined' else o.status end,
        reason = case when o.status = 'expiring' then 'claim_lapsed' else o.reason end,
        next_check_at = case when o.status = 'expiring' then null else p_now + interval '7 days' end,
        failures = case when o.status = 'expiring' then o.failures else 0 end,
        looks = o.looks + 1,
        run_id = null
    where o.ref = any (p_refs)
    returning o.ref, o.next_check_at
  )
  select array_agg(row('order', g.ref, null, 'quarantined', 'claim_lapsed', 0, null, null)::lapse.decision)
    filter (where g.next_check_at is null)
  into v_decisions
  from given_up g;
  perform lapse.record_decisions(p_run => p_run, p_decisions => v_decisions, p_now => p_now);

  if cardinality(p_refs) > coalesce(cardinality(v_decisions), 0) then
    perform lapse.raise_alert(
      p_key => 'payments_unclear:claim_lapsed', p_job => (p_run).job, p_severity => 'warning',
      p_message => 'A payment of a closed order needs an operator: runs that held its order died',
      p_details => jsonb_build_object('count', cardinality(p_refs), 'refs', to_jsonb(p_refs[1:5]), 'cause', 'claim_lapsed'),
      p_now => p_now
    );
  end if;
end;
$$;

-- Contract: claims due orders, oldest first, and returns them as a JSON list of ClaimedOrder; fewer than asked for
-- after runs that died. expire-stale-orders claims every order that has payments or is closed but has a check due; the
-- clean-up claims closed and unknown ones. An empty list means that nothing else can be claimed now, because a claim
-- that contains only given-up orders is followed by another. It stops after 100 claims, so that a call stays short,
-- and returns the last claim even if it is given up.
create function lapse.claim_orders(
  p_run_id uuid,
  p_fence bigint,
  p_limit integer,
  p_now timestamptz default now()
) returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  c_turns constant integer := 100;
  v_run lapse.runs := lapse.hold_lease(p_run_id => p_run_id, p_fence => p_fence, p_now => p_now);
  v_settings lapse.settings;
  v_shop jsonb := '{}'::jsonb;
  v_asked text[] := '{}'::text[];
  v_turn integer := 0;
  v_refs text[];
  v_hopeless text[];
begin
  select * into strict v_settings from lapse.settings;
  -- The lists that a clean-up read may have brought more unknown orders than it knew of when it began.
  if v_run.job = 'cleanup-stale-payment-intents' and v_run.ref is null
    and lapse.brake_reason(p_run => v_run, p_now => p_now) is not null then
    update lapse.jobs j set brake_on = true where j.job = v_run.job;
    return '[]'::jsonb;
  end if;

  if v_run.ref is null then
    perform lapse.fold_inbox(p_refs => null, p_limit => 10000, p_now => p_now);
  else
    perform lapse.fold_inbox(p_refs => array[v_run.ref], p_limit => null, p_now => p_now);
  end if;
  if v_run.job = 'cleanup-stale-payment-intents' then
    v_shop := lapse.ask_about_unknown(p_now => p_now, p_limit => coalesce(p_limit, 0));
    v_asked := array(select e.key from jsonb_each_text(v_shop) e where e.value <> 'open');
  end if;

  loop
    v_turn := v_turn + 1;
    v_refs := case
      when v_run.ref is null
        then lapse.claim_next(p_run => v_run, p_limit => coalesce(p_limit, 0), p_asked => v_asked, p_now => p_now)
      else lapse.claim_one(p_run => v_run, p_ref => v_run.ref, p_now => p_now, p_until => p_now + v_settings.lease)
    end;
    v_hopeless := array(
      select o.ref from lapse.orders o where o.ref = any (v_refs) and o.failures >= v_settings.max_attempts
    );
    exit when v_hopeless = '{}' or v_turn = c_turns and cardinality(v_hopeless) = cardinality(v_refs);

    perform lapse.give_up(p_run => v_run, p_refs => v_hopeless, p_now => p_now);
    v_refs := array(select r from unnest(v_refs) r where r <> all (v_hopeless));
    exit when v_refs <> '{}';
  end loop;

  -- A separate statement, so it has a newer snapshot: it sees a payment attached just before the claim got the lock.
  return lapse.claimed_orders(p_refs => v_refs, p_shop => v_shop);
end;
$$;

create function public.lapse_claim_orders(p_run_id uuid, p_fence bigint, p_limit integer) returns jsonb
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
  select lapse.claim_orders(p_run_id => p_run_id, p_fence => p_fence, p_limit => p_limit, p_now => now());
$$;

comment on function public.lapse_claim_orders(uuid, bigint, integer) is
  'Claims due orders for a limited time. For the Edge Functions (secret key) only.';

-- Contract: claims up to p_limit due orders without payments, oldest first, after the set-based close was refused. One
-- order that the shop refuses to close rolls back the closing of all; claimed individually, only that order counts as
-- a failed attempt. Considers the 10,000 oldest. Skips locked orders. The list includes a payment attached just before
-- the claim got the lock. A run restricted to one order claims that order with claim_orders, and gets none here.
create function lapse.claim_without_payments(
  p_run_id uuid,
  p_fence bigint,
  p_limit integer,
  p_now timestamptz default now()
) returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_run lapse.runs := lapse.hold_lease(p_run_id => p_run_id, p_fence => p_fence, p_now => p_now);
  v_until timestamptz := p_now + (select s.lease from lapse.settings s);
  v_refs text[] := '{}'::text[];
begin
  if v_run.ref is null and v_run.job = 'expire-stale-orders' then
    v_refs := lapse.due_without_payments(p_run => v_run, p_limit => least(coalesce(p_limit, 0), 10000), p_now => p_now);
    v_refs := array(
      select o.ref
      from lapse.orders o
      where o.ref = any (v_refs) and o.status in ('pending', 'expiring') and o.next_check_at <= p_now
      order by o.ref
      for no key update skip locked
    );
    perform lapse.take_orders(p_run => v_run, p_refs => v_refs, p_until => v_until);
  end if;
  return lapse.claimed_orders(p_refs => v_refs);
end;
$$;

create function public.lapse_claim_without_payments(p_run_id uuid, p_fence bigint, p_limit integer) returns jsonb
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
  select lapse.claim_without_payments(p_run_id => p_run_id, p_fence => p_fence, p_limit => p_limit, p_now => now());
$$;

comment on function public.lapse_claim_without_payments(uuid, bigint, integer) is
  'Claims due orders without payments that could not be closed set-based. For the Edge Functions (secret key) only.';
