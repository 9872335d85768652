-- What the tests of the clean-up share: \ir ../cleanup.sql after helpers.sql.

-- A run of the clean-up that holds the lease; answers its fence. Claim and settle with pg_temp.claim and
-- pg_temp.settle.
create function pg_temp.begin_cleanup(p_name text, p_now timestamptz default pg_temp.noon()) returns bigint
language sql
as $$
  select (lapse.begin_run(
    p_run_id => pg_temp.id(p_name), p_job => 'cleanup-stale-payment-intents', p_trigger => 'server', p_now => p_now
  ) -> 'run' ->> 'fence')::bigint
$$;

-- A payment as one of Stripe's lists names it.
create function pg_temp.listed(
  p_stripe_id text, p_ref text, p_created_at timestamptz, p_status text default 'requires_payment_method'
) returns jsonb
language sql immutable
as $$
  select jsonb_build_object('stripeId', p_stripe_id, 'ref', p_ref, 'createdAt', p_created_at, 'status', p_status)
$$;

-- Records a window of a list, in the run's name.
create function pg_temp.record_listed(
  p_run text,
  p_payments jsonb[],
  p_from timestamptz,
  p_to timestamptz,
  p_list text default 'payment_intents',
  p_now timestamptz default pg_temp.noon()
) returns jsonb
language sql
as $$
  select lapse.record_listed(
    p_run_id => r.id, p_fence => r.fence, p_livemode => false, p_account => '', p_list => p_list, p_from => p_from,
    p_to => p_to, p_payments => to_jsonb(p_payments), p_now => p_now
  )
  from lapse.runs r where r.id = pg_temp.id(p_run)
$$;
