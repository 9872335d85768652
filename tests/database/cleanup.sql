-- What the tests of the clean-up share: \ir ../cleanup.sql after helpers.sql.

-- A run of the clean-up that holds the lease; answers its fence.
create function pg_temp.begin_cleanup(p_name text, p_now timestamptz default pg_temp.noon()) returns bigint
language sql
as $$
  select (public.jobs_begin_run(
    p_run_id => pg_temp.id(p_name), p_job => 'cleanup-stale-payment-intents', p_trigger => 'server', p_now => p_now
  ) -> 'run' ->> 'fence')::bigint
$$;

-- A payment as the clean-up's calls carry it.
create function pg_temp.payment(p_stripe_id text, p_order text) returns jsonb
language sql
as $$
  select jsonb_build_object(
    'kind', case when p_stripe_id like 'cs%' then 'checkout_session' else 'payment_intent' end,
    'stripeId', p_stripe_id, 'stripeAccount', null, 'orderId', pg_temp.id(p_order), 'nextLookAt', null, 'alert', false,
    'evidence', '{"status": "test"}'::jsonb
  )
$$;

create function pg_temp.plan_ends(p_run text, p_payments jsonb[], p_now timestamptz default pg_temp.noon()) returns jsonb
language sql
as $$
  select public.jobs_plan_ends(
    p_run_id => r.id, p_fence => r.fence, p_livemode => false, p_payments => to_jsonb(p_payments), p_now => p_now
  )
  from public.job_runs r where r.id = pg_temp.id(p_run)
$$;

create function pg_temp.settle_payments(
  p_run text, p_decisions jsonb[], p_page jsonb default null, p_now timestamptz default pg_temp.noon()
) returns jsonb
language sql
as $$
  select public.jobs_settle_payments(
    p_run_id => r.id, p_fence => r.fence, p_livemode => false, p_decisions => to_jsonb(p_decisions), p_page => p_page, p_now => p_now
  )
  from public.job_runs r where r.id = pg_temp.id(p_run)
$$;

create function pg_temp.next_slice(p_run text, p_now timestamptz default pg_temp.noon()) returns jsonb
language sql
as $$
  select public.jobs_next_slice(p_run_id => r.id, p_fence => r.fence, p_livemode => false, p_now => p_now)
  from public.job_runs r where r.id = pg_temp.id(p_run)
$$;
