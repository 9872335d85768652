-- What a run of expire-stale-orders calls between its beginning and its end. Each call proves the fence and extends the lease
-- (jobs.hold_lease raises LP001 otherwise), and each is one transaction. All are for the Edge Functions (secret key) only.

-- Contract: closes due orders that never had a payment, oldest first. Returns {"expired": n, "unitsReleased": n}.
create function public.jobs_expire_without_payments(
  p_run_id uuid,
  p_fence bigint,
  p_limit integer,
  p_now timestamptz default now()
) returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_run public.job_runs := jobs.hold_lease(p_run_id => p_run_id, p_fence => p_fence, p_now => p_now);
  v_decisions jobs.decision[] := array[]::jobs.decision[];
begin
  -- A run restricted to one order claims that order, with payments or without.
  if v_run.order_id is null then
    v_decisions := jobs.shop_expire_without_payments(p_now => p_now, p_limit => coalesce(p_limit, 0));
  end if;
  perform jobs.record_decisions(p_run => v_run, p_decisions => v_decisions, p_now => p_now);
  perform jobs.shop_move_stock(p_decisions => v_decisions, p_now => p_now);
  return (
    select jsonb_build_object('expired', count(*), 'unitsReleased', coalesce(sum(d.units_released), 0))
    from unnest(v_decisions) d
  );
end;
$$;

comment on function public.jobs_expire_without_payments(uuid, bigint, integer, timestamptz) is
  'Closes due orders that never had a payment and releases their stock.';

-- Contract: settles a JSON list of OrderDecision (functions/_shared/orders.ts): orders, payments, reservations, inventory,
-- decisions and counters commit together or not at all. Returns {"outcomes": {"expired": n, …}, "superseded": n}; superseded
-- orders were decided by somebody else meanwhile and were left alone.
create function public.jobs_settle_orders(
  p_run_id uuid,
  p_fence bigint,
  p_decisions jsonb,
  p_now timestamptz default now()
) returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_run public.job_runs := jobs.hold_lease(p_run_id => p_run_id, p_fence => p_fence, p_now => p_now);
  v_applied jobs.decision[] := jobs.shop_settle(p_run_id => p_run_id, p_decisions => p_decisions, p_now => p_now);
begin
  perform jobs.record_decisions(
    p_run => v_run,
    -- an order handed back was not decided
    p_decisions => (select array_agg(d) from unnest(v_applied) d where d.outcome <> 'handed_back'),
    p_now => p_now
  );

  -- Of every order of the batch, also of those that somebody else decided meanwhile.
  perform jobs.alert_wrong_money(
    p_order_ids => (select array_agg((d ->> 'orderId')::uuid) from jsonb_array_elements(p_decisions) d),
    p_now => p_now
  );
  perform jobs.shop_move_stock(p_decisions => v_applied, p_now => p_now);

  return (
    with outcomes as (
      select d.outcome, count(*) as n from unnest(v_applied) d where d.subject = 'order' group by d.outcome
    )
    select jsonb_build_object(
      'outcomes', coalesce(jsonb_object_agg(o.outcome, o.n), '{}'),
      'superseded', jsonb_array_length(p_decisions) - coalesce(sum(o.n), 0)
    )
    from outcomes o
  );
end;
$$;

comment on function public.jobs_settle_orders(uuid, bigint, jsonb, timestamptz) is
  'Settles a run''s decisions with all their consequences, in one transaction.';

-- Contract: claims due orders with payments, oldest first, and returns them as a JSON list. Orders whose claim lapsed once too
-- often are quarantined here instead: whatever kills the runs that touch them must not go on. An empty list says that nothing else
-- is due: a claim of hopeless orders alone is followed by another.
create function public.jobs_claim_orders(
  p_run_id uuid,
  p_fence bigint,
  p_limit integer,
  p_now timestamptz default now()
) returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_run public.job_runs := jobs.hold_lease(p_run_id => p_run_id, p_fence => p_fence, p_now => p_now);
  v_settings jobs.settings;
  v_claimed jsonb;
  v_hopeless jsonb;
begin
  select * into strict v_settings from jobs.settings;
  -- Ends: what a claim took is not due any more.
  loop
    v_claimed := case
      when v_run.order_id is null then jobs.shop_claim(
        p_run_id => p_run_id, p_now => p_now, p_until => p_now + v_settings.lease, p_limit => coalesce(p_limit, 0)
      )
      else jobs.shop_claim_order(
        p_run_id => p_run_id, p_order_id => v_run.order_id, p_now => p_now, p_until => p_now + v_settings.lease
      )
    end;

    select jsonb_agg(jsonb_build_object(
      'orderId', c -> 'id', 'attempt', c -> 'attempt', 'outcome', 'quarantined', 'reason', 'claim_lapsed', 'payments', '[]'::jsonb
    )) into v_hopeless
    from jsonb_array_elements(v_claimed) c
    where (c ->> 'failures')::integer >= v_settings.max_attempts;
    exit when v_hopeless is null;

    perform jobs.record_decisions(
      p_run => v_run,
      p_decisions => jobs.shop_settle(p_run_id => p_run_id, p_decisions => v_hopeless, p_now => p_now),
      p_now => p_now
    );
    exit when jsonb_array_length(v_hopeless) < jsonb_array_length(v_claimed);
  end loop;

  return (
    select coalesce(jsonb_agg(c), '[]')
    from jsonb_array_elements(v_claimed) c
    where (c ->> 'failures')::integer < v_settings.max_attempts
  );
end;
$$;

comment on function public.jobs_claim_orders(uuid, bigint, integer, timestamptz) is
  'Claims due orders that have payments for a limited time.';

-- Contract: what a dry run reads instead of claiming: the oldest due orders, without a lock or a change.
create function public.jobs_preview_orders(
  p_limit integer,
  p_now timestamptz default now()
) returns jsonb
language sql stable
security definer
set search_path = ''
as $$
  select jobs.shop_preview(p_now => p_now, p_limit => p_limit);
$$;

comment on function public.jobs_preview_orders(integer, timestamptz) is 'Due orders as a dry run reads them: no lock, no change.';

-- Contract: gives a quarantined order back to the job at once, with a fresh count of attempts. Raises PT404 or PT409.
create function public.jobs_redrive_order(
  p_order_id uuid,
  p_reason text,
  p_requested_by text,
  p_now timestamptz default now()
) returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
begin
  if coalesce(p_reason, '') = '' then
    raise exception 'Cannot redrive order without a reason: current value is empty' using errcode = 'invalid_parameter_value';
  end if;
  return jobs.shop_redrive(p_order_id => p_order_id, p_reason => p_reason, p_requested_by => p_requested_by, p_now => p_now);
end;
$$;

comment on function public.jobs_redrive_order(uuid, text, text, timestamptz) is
  'Gives a quarantined order back to the job; needs a reason.';

revoke all on function
  public.jobs_expire_without_payments(uuid, bigint, integer, timestamptz),
  public.jobs_settle_orders(uuid, bigint, jsonb, timestamptz),
  public.jobs_claim_orders(uuid, bigint, integer, timestamptz),
  public.jobs_preview_orders(integer, timestamptz),
  public.jobs_redrive_order(uuid, text, text, timestamptz)
from public, anon, authenticated;
grant execute on function
  public.jobs_expire_without_payments(uuid, bigint, integer, timestamptz),
  public.jobs_settle_orders(uuid, bigint, jsonb, timestamptz),
  public.jobs_claim_orders(uuid, bigint, integer, timestamptz),
  public.jobs_preview_orders(integer, timestamptz),
  public.jobs_redrive_order(uuid, text, text, timestamptz)
to service_role;
