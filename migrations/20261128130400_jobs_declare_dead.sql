-- The way out for an order whose payment Stripe lets nobody end: through Checkout, an unpaid voucher or a failed bank debit leaves a session
-- that is complete and an intent that only its session could end. Nobody can prove it dead; a person can look, and answer for it.

-- Contract: declares one payment dead (jobs.shop_declare_dead says which may be) and gives its order back to the job, which asks Stripe
-- about all its other payments as ever and expires it only if they are dead as well. Who and why stand in a run of its own, which asked
-- nothing, and in its decision. Answers {"orderId", "runId"}. Raises 22023 without a reason or a name, PT404 and PT409.
create function public.jobs_declare_dead(
  p_stripe_id text,
  p_stripe_account text,
  p_reason text,
  p_actor text,
  p_now timestamptz default now()
) returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_decision jobs.decision;
  v_run public.job_runs;
begin
  if coalesce(btrim(p_reason), '') = '' or coalesce(btrim(p_actor), '') = '' then
    raise exception 'Cannot declare payment dead without a reason and a name: current value is empty'
      using errcode = 'invalid_parameter_value';
  end if;
  v_decision := jobs.shop_declare_dead(
    p_stripe_id => p_stripe_id, p_stripe_account => p_stripe_account, p_reason => p_reason, p_actor => p_actor, p_now => p_now
  );
  perform jobs.shop_redrive(
    p_order_id => v_decision.order_id, p_requested_by => p_actor, p_now => p_now,
    p_reason => format('%s declared dead: %s', p_stripe_id, p_reason)
  );

  -- A run of one order says nothing about the job, and this one is over.
  insert into public.job_runs (
    job, status, trigger, requested_by, reason, item_limit, order_id, created_at, started_at, finished_at, duration_ms
  )
  values ('expire-stale-orders', 'succeeded', 'server', p_actor, p_reason, 1, v_decision.order_id, p_now, p_now, p_now, 0)
  returning * into v_run;
  perform jobs.record_decisions(p_run => v_run, p_decisions => array[v_decision], p_now => p_now);
  return jsonb_build_object('orderId', v_decision.order_id, 'runId', v_run.id);
end;
$$;

comment on function public.jobs_declare_dead(text, text, text, text, timestamptz) is
  'Declares one payment dead that Stripe lets nobody end, and gives its order back to the job. For the operator''s tools (secret key) only.';

revoke all on function public.jobs_declare_dead(text, text, text, text, timestamptz) from public, anon, authenticated;
grant execute on function public.jobs_declare_dead(text, text, text, text, timestamptz) to service_role;
