-- What the clean-up reads before it decides, and its brake. All public functions are for the Edge Functions (secret key) only.

-- Contract: the payments the database knows the clean-up has to look at: open ones of closed orders, and those on the revisit list that
-- fell due at or before p_due_by. Up to p_limit.
create function jobs.cleanup_candidates(p_livemode boolean, p_due_by timestamptz, p_limit integer)
returns table (kind text, stripe_id text, stripe_account text, order_id uuid, looks integer, ending boolean)
language sql stable
set search_path = ''
as $$
  (
    select r.kind, r.stripe_id, nullif(r.stripe_account, ''), r.order_id, r.looks, r.ending_since is not null
    from jobs.revisits r
    where r.livemode = p_livemode and r.next_look_at <= p_due_by
    order by r.next_look_at
    limit p_limit
  )
  union all
  (
    select s.kind, s.stripe_id, s.stripe_account, s.order_id, null, null
    from jobs.shop_stale_payments(p_livemode => p_livemode, p_limit => p_limit) s
  )
  limit p_limit;
$$;

comment on function jobs.cleanup_candidates(boolean, timestamptz, integer) is
  'Payments the clean-up has to look at without any sweep.';

-- Contract: the same as a JSON list of StalePayment (functions/_shared/payments.ts). A run passes the moment it began as p_due_by:
-- what it puts on the revisit list falls due later, so that it meets each payment once.
create function public.jobs_stale_payments(
  p_livemode boolean,
  p_due_by timestamptz,
  p_limit integer,
  p_now timestamptz default now()
) returns jsonb
language sql stable
security definer
set search_path = ''
as $$
  select coalesce(jsonb_agg(
    jobs.shop_payment_json(
      p_kind => c.kind, p_stripe_id => c.stripe_id, p_stripe_account => c.stripe_account, p_order_id => c.order_id
    ) || jsonb_build_object('listed', case when c.looks is not null then jsonb_build_object('looks', c.looks, 'ending', c.ending) end)
  ), '[]')
  from jobs.cleanup_candidates(p_livemode => p_livemode, p_due_by => p_due_by, p_limit => p_limit) c;
$$;

comment on function public.jobs_stale_payments(boolean, timestamptz, integer, timestamptz) is
  'Payments the clean-up has to look at, with what the shop knows of them.';

-- Contract: what the database knows of the intents of one page, [{"stripeId", "orderId"}, …], as a JSON list of StalePayment in the
-- same order. They live on the platform's own account: the sweep reads no other.
create function public.jobs_inspect_payments(
  p_livemode boolean,
  p_payments jsonb,
  p_now timestamptz default now()
) returns jsonb
language sql stable
security definer
set search_path = ''
as $$
  select coalesce(jsonb_agg(
    jobs.shop_payment_json(
      p_kind => 'payment_intent', p_stripe_id => x.p ->> 'stripeId', p_stripe_account => null, p_order_id => (x.p ->> 'orderId')::uuid
    ) || jsonb_build_object('listed', (
      select jsonb_build_object('looks', r.looks, 'ending', r.ending_since is not null)
      from jobs.revisits r
      where r.livemode = p_livemode and r.stripe_id = x.p ->> 'stripeId' and r.stripe_account = ''
    ))
    order by x.n
  ), '[]')
  from jsonb_array_elements(p_payments) with ordinality x (p, n);
$$;

comment on function public.jobs_inspect_payments(boolean, jsonb, timestamptz) is 'What the database knows of the intents of one page.';

-- Contract: how many payments the clean-up has ended since it last came to its end, and whether its last run met the brake. A run and its
-- continuations count as one: the brake must not start anew with each of them. A partial run that left nothing to do came to its end, too:
-- one payment that stays unclear must not add up the weeks until the brake comes on.
create function jobs.cleanup_ended() returns table (ended integer, braked boolean)
language sql stable
set search_path = ''
as $$
  with run as (
    select r.*
    from public.job_runs r
    where r.job = 'cleanup-stale-payment-intents' and not r.dry_run and r.status not in ('queued', 'skipped')
  )
  select
    (
      select coalesce(sum(r.payment_intents_canceled + r.checkout_sessions_expired), 0)::integer
      from run r
      where r.created_at > coalesce(
        (select max(s.created_at) from run s where s.status = 'succeeded' or s.status = 'partial' and s.backlog = 0), '-infinity'
      )
    ),
    coalesce((select r.status = 'braked' from run r order by r.created_at desc limit 1), false);
$$;

comment on function jobs.cleanup_ended() is 'How many payments were ended since the clean-up last came to its end, and whether it is braked.';

-- Contract: asks for leave to end these payments at Stripe, [{"kind", "stripeId", "stripeAccount", "orderId"}, …], and writes the
-- intention down. Refuses when they and those ended since the last success exceed the brake's threshold and no operator released
-- the brake: a first sweep over an old account must not end thousands of payments by surprise. Returns {"allowed": true | false}.
create function public.jobs_plan_ends(
  p_run_id uuid,
  p_fence bigint,
  p_livemode boolean,
  p_payments jsonb,
  p_now timestamptz default now()
) returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_run public.job_runs := jobs.hold_lease(p_run_id => p_run_id, p_fence => p_fence, p_now => p_now);
  v_threshold integer;
  v_ended integer;
begin
  select s.brake_threshold into strict v_threshold from jobs.settings s;
  select e.ended into v_ended from jobs.cleanup_ended() e;

  if v_ended + jsonb_array_length(p_payments) > v_threshold and not v_run.brake_released then
    perform jobs.raise_alert(
      p_key => 'brake:' || v_run.job, p_job => v_run.job, p_severity => 'critical',
      p_message => 'The brake is on: more payments would be ended than usual',
      p_details => jsonb_build_object('threshold', v_threshold, 'ended', v_ended, 'runId', p_run_id),
      p_now => p_now
    );
    return jsonb_build_object('allowed', false);
  end if;

  insert into jobs.revisits as r (
    livemode, stripe_id, stripe_account, kind, order_id, reason, next_look_at, ending_since, first_seen_at
  )
  select p_livemode, p."stripeId", coalesce(p."stripeAccount", ''), p.kind, p."orderId", 'ending', p_now, p_now, p_now
  from jsonb_to_recordset(p_payments) as p (kind text, "stripeId" text, "stripeAccount" text, "orderId" uuid)
  order by p."stripeId"
  on conflict (livemode, stripe_id, stripe_account) do update
  set ending_since = coalesce(r.ending_since, excluded.ending_since);
  return jsonb_build_object('allowed', true);
end;
$$;

comment on function public.jobs_plan_ends(uuid, bigint, boolean, jsonb, timestamptz) is
  'Leave to end payments at Stripe, within the brake; the intention is written down first.';

revoke all on all functions in schema jobs from public;
revoke all on function
  public.jobs_stale_payments(boolean, timestamptz, integer, timestamptz),
  public.jobs_inspect_payments(boolean, jsonb, timestamptz),
  public.jobs_plan_ends(uuid, bigint, boolean, jsonb, timestamptz)
from public, anon, authenticated;
grant execute on function
  public.jobs_stale_payments(boolean, timestamptz, integer, timestamptz),
  public.jobs_inspect_payments(boolean, jsonb, timestamptz),
  public.jobs_plan_ends(uuid, bigint, boolean, jsonb, timestamptz)
to service_role;
