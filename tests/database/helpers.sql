-- What the tests share: \ir ../helpers.sql after `begin`. Everything is temporary and leaves with the test's
-- transaction. Time stands still at noon(); no test looks at the clock. Ids are made from names, so that messages can
-- be compared. Orders are placed in the sample shop (examples/shop) and reach Lapse through its adapter, like those of
-- any other shop.

-- What the schedules of this database raised is no part of a test.
delete from lapse.alerts;

create function pg_temp.noon() returns timestamptz
language sql immutable
as $$ select timestamptz '2026-11-22 12:00:00+00' $$;

-- A run, or the shop's own key of an order.
create function pg_temp.id(p_name text) returns uuid
language sql immutable
as $$ select md5(p_name)::uuid $$;

-- The same order as Lapse names it.
create function pg_temp.ref(p_name text) returns text
language sql immutable
as $$ select pg_temp.id(p_name)::text $$;

-- Stripe's lists are read up to then, so that orders which were due before can be claimed and closed.
create function pg_temp.cursors_at(p_read_to timestamptz, p_account text default '') returns void
language sql
as $$
  insert into lapse.list_cursors as c (account, livemode, list, read_from, read_to)
  select p_account, false, list, p_read_to - interval '90 days', p_read_to
  from unnest(array['payment_intents', 'checkout_sessions']) list
  on conflict (account, livemode, list) do update
  set read_from = least(c.read_from, excluded.read_from), read_to = excluded.read_to
$$;

-- An order in the shop, and nowhere else yet but in the inbox.
create function pg_temp.place_order(
  p_name text,
  p_placed_at timestamptz default pg_temp.noon(),
  p_quantity integer default 1,
  p_amount bigint default 1000,
  p_expires_at timestamptz default null
) returns text
language plpgsql
as $$
begin
  insert into public.inventory (sku, on_hand) values ('tea', 1000) on conflict do nothing;
  perform public.place_order(
    p_currency => 'eur', p_amount => p_amount,
    p_items => jsonb_build_array(jsonb_build_object('sku', 'tea', 'quantity', p_quantity)),
    p_expires_at => p_expires_at, p_order_id => pg_temp.id(p_name), p_now => p_placed_at
  );
  return pg_temp.ref(p_name);
end;
$$;

-- A watched order for `p_quantity` units of tea over 10 euros with these payments, due for `p_due_for`. Stripe's lists
-- are read until now.
create function pg_temp.place_due_order(
  p_name text,
  p_payments text[] default '{}',
  p_due_for interval default interval '1 hour',
  p_quantity integer default 1
) returns text
language plpgsql
as $$
begin
  perform pg_temp.place_order(p_name, pg_temp.noon() - p_due_for - interval '32 minutes', p_quantity);
  perform lapse.fold_inbox(
    p_refs => array[pg_temp.ref(p_name)], p_now => pg_temp.noon() - p_due_for - interval '32 minutes'
  );
  perform lapse.attach_payment(
    p_ref => pg_temp.ref(p_name), p_stripe_id => stripe_id, p_now => pg_temp.noon() - p_due_for - interval '31 minutes'
  )
  from unnest(p_payments) stripe_id;
  perform pg_temp.cursors_at(pg_temp.noon() + interval '1 second');
  return pg_temp.ref(p_name);
end;
$$;

-- A run of expire-stale-orders that holds the lease; answers its fence.
create function pg_temp.begin_run(p_name text, p_now timestamptz default pg_temp.noon()) returns bigint
language sql
as $$
  select (lapse.begin_run(
    p_run_id => pg_temp.id(p_name), p_job => 'expire-stale-orders', p_trigger => 'server', p_now => p_now
  ) -> 'run' ->> 'fence')::bigint
$$;

-- Claims whatever is due and has payments, or is closed and has a check due; answers how many orders that were.
create function pg_temp.claim(p_run text, p_now timestamptz default pg_temp.noon()) returns integer
language sql
as $$
  select jsonb_array_length(lapse.claim_orders(p_run_id => r.id, p_fence => r.fence, p_limit => 1000, p_now => p_now))
  from lapse.runs r where r.id = pg_temp.id(p_run)
$$;

-- What Stripe said of a payment, as a decision carries it.
create function pg_temp.said(p_stripe_id text, p_outcome text, p_state text default null) returns jsonb
language sql immutable
as $$
  select jsonb_build_object(
    'stripeId', p_stripe_id, 'outcome', p_outcome, 'reason', 'test', 'evidence', '{"status": "test"}'::jsonb,
    'state', coalesce(p_state, case p_outcome when 'kept' then 'open' when 'found_paid' then 'paid' else 'dead' end)
  )
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
    'ref', o.ref, 'attempt', o.attempt, 'outcome', p_outcome, 'reason', p_reason, 'nextCheckAt', p_next_check_at,
    'payments', to_jsonb(p_payments)
  )
  from lapse.orders o where o.ref = pg_temp.ref(p_name)
$$;

create function pg_temp.settle(p_run text, p_decisions jsonb[], p_now timestamptz default pg_temp.noon()) returns jsonb
language sql
as $$
  select lapse.settle_orders(p_run_id => r.id, p_fence => r.fence, p_decisions => to_jsonb(p_decisions), p_now => p_now)
  from lapse.runs r where r.id = pg_temp.id(p_run)
$$;

-- The same without the pace that it answers.
create function pg_temp.settled(p_run text, p_decisions jsonb[], p_now timestamptz default pg_temp.noon()) returns jsonb
language sql
as $$ select pg_temp.settle(p_run, p_decisions, p_now) - '{paymentsPerSecond,waitForShare}'::text[] $$;

create function pg_temp.close_without_payments(
  p_run text, p_limit integer default 1000, p_now timestamptz default pg_temp.noon()
) returns jsonb
language sql
as $$
  select lapse.close_without_payments(p_run_id => r.id, p_fence => r.fence, p_limit => p_limit, p_now => p_now)
  from lapse.runs r where r.id = pg_temp.id(p_run)
$$;

create function pg_temp.mark_paid(
  p_name text, p_stripe_id text, p_amount bigint default null, p_now timestamptz default pg_temp.noon()
) returns text
language sql
as $$
  select lapse.mark_paid(p_ref => pg_temp.ref(p_name), p_stripe_id => p_stripe_id, p_amount => p_amount, p_now => p_now)
$$;

-- One column of an order in the ledger, as text.
create function pg_temp.told(p_name text, p_column text) returns text
language sql
as $$ select to_jsonb(o) ->> p_column from lapse.orders o where o.ref = pg_temp.ref(p_name) $$;

-- Everything a run or a call of the shop's could change, as one value: equal before and after means that nothing was
-- touched.
create function pg_temp.everything() returns text
language sql
as $$
  select md5(string_agg(line, e'\n' order by line))
  from (
    select 'shop order ' || o::text from public.orders o
    union all select 'reservation ' || r::text from public.stock_reservations r
    union all select 'inventory ' || i::text from public.inventory i
    union all select 'order ' || o::text from lapse.orders o
    union all select 'payment ' || p::text from lapse.payments p
    union all select 'refund ' || r::text from lapse.refunds r
    union all select 'inbox ' || i::text from lapse.inbox i
    union all select 'decision ' || d::text from lapse.decisions d
    union all select 'metrics ' || m::text from lapse.metrics m
    union all select 'run ' || r::text from lapse.runs r
    union all select 'job ' || j::text from lapse.jobs j
    union all select 'cursor ' || c::text from lapse.list_cursors c
    union all select 'alert ' || a::text from lapse.alerts a
  ) as lines (line)
$$;
