-- What the tests share: \ir ../helpers.sql after `begin`. Everything is temporary and leaves with the test's transaction.
-- Time stands still at noon(); no test looks at the clock. Ids are made from names, so that messages can be compared.

create function pg_temp.noon() returns timestamptz
language sql immutable
as $$ select timestamptz '2026-11-22 12:00:00+00' $$;

create function pg_temp.id(p_name text) returns uuid
language sql immutable
as $$ select md5(p_name)::uuid $$;

-- An order for `p_quantity` units of tea with these payments, due for `p_due_for`.
create function pg_temp.place_due_order(
  p_name text,
  p_payments text[] default '{}',
  p_due_for interval default interval '1 hour',
  p_quantity integer default 1
) returns uuid
language plpgsql
as $$
begin
  insert into public.inventory (sku, on_hand) values ('tea', 1000) on conflict do nothing;
  perform public.place_order(
    p_currency => 'eur', p_amount => 1000, p_items => jsonb_build_array(jsonb_build_object('sku', 'tea', 'quantity', p_quantity)),
    p_order_id => pg_temp.id(p_name), p_now => pg_temp.noon() - p_due_for - interval '32 minutes'
  );
  perform public.attach_payment(
    p_order_id => pg_temp.id(p_name), p_stripe_id => stripe_id,
    p_kind => case when stripe_id like 'cs%' then 'checkout_session' else 'payment_intent' end,
    p_now => pg_temp.noon() - p_due_for - interval '31 minutes'
  )
  from unnest(p_payments) stripe_id;
  return pg_temp.id(p_name);
end;
$$;

-- A run of expire-stale-orders that holds the lease; answers its fence.
create function pg_temp.begin_run(p_name text, p_now timestamptz default pg_temp.noon()) returns bigint
language sql
as $$
  select (public.jobs_begin_run(
    p_run_id => pg_temp.id(p_name), p_job => 'expire-stale-orders', p_trigger => 'server', p_now => p_now
  ) -> 'run' ->> 'fence')::bigint
$$;

-- Claims whatever is due; answers how many orders that were.
create function pg_temp.claim(p_run text, p_now timestamptz default pg_temp.noon()) returns integer
language sql
as $$
  select jsonb_array_length(public.jobs_claim_orders(
    p_run_id => pg_temp.id(p_run), p_fence => l.fence, p_limit => 1000, p_now => p_now
  ))
  from jobs.leases l where l.job = 'expire-stale-orders'
$$;

-- What Stripe said of a payment, as a decision carries it.
create function pg_temp.said(p_stripe_id text, p_outcome text, p_state text default null) returns jsonb
language sql
as $$
  select jsonb_build_object(
    'paymentId', p.id, 'stripeId', p.stripe_id, 'outcome', p_outcome, 'reason', 'test', 'evidence', '{"status": "test"}'::jsonb,
    'state', coalesce(p_state, case p_outcome when 'kept' then 'open' when 'found_paid' then 'paid' else 'dead' end)
  )
  from public.order_payments p where p.stripe_id = p_stripe_id
$$;

-- A decision about an order at its present attempt.
create function pg_temp.decide(
  p_name text,
  p_outcome text,
  p_payments jsonb[] default '{}',
  p_reason text default 'test',
  p_next_check_at timestamptz default null
) returns jsonb
language sql
as $$
  select jsonb_build_object(
    'orderId', o.id, 'attempt', o.attempt, 'outcome', p_outcome, 'reason', p_reason, 'nextCheckAt', p_next_check_at,
    'payments', to_jsonb(p_payments)
  )
  from public.orders o where o.id = pg_temp.id(p_name)
$$;

create function pg_temp.settle(p_run text, p_decisions jsonb[], p_now timestamptz default pg_temp.noon()) returns jsonb
language sql
as $$
  select public.jobs_settle_orders(
    p_run_id => pg_temp.id(p_run), p_fence => l.fence, p_decisions => to_jsonb(p_decisions), p_now => p_now
  )
  from jobs.leases l where l.job = 'expire-stale-orders'
$$;

-- Everything a run could change, as one value: equal before and after means that nothing was touched.
create function pg_temp.everything() returns text
language sql
as $$
  select md5(string_agg(line, e'\n' order by line))
  from (
    select 'order ' || o::text from public.orders o
    union all select 'payment ' || p::text from public.order_payments p
    union all select 'reservation ' || r::text from public.stock_reservations r
    union all select 'inventory ' || i::text from public.inventory i
    union all select 'decision ' || d::text from public.job_decisions d
    union all select 'metrics ' || m::text from public.job_metrics m
    union all select 'run ' || r::text from public.job_runs r
    union all select 'lease ' || l::text from jobs.leases l
  ) as lines (line)
$$;
