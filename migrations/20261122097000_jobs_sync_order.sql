-- Manual synchronisation: one order is asked about now, by a run that is restricted to it.
--
-- The restriction stands in the run's row, as everything else a run is told (a continuation's limit, a released brake): a request names
-- the run and nothing more. Such a run is a run like any other, with lease, claim, verdicts and settlement, so that nothing is decided in a
-- second way.

-- Contract: makes the order due and queues a run restricted to it, in one transaction; {"runId"} is the run to ask the function for. If
-- nobody does, the next tick finds the order due. Raises 22023 without a reason or a name, PT404 and PT409 as jobs.shop_make_due.
create function public.jobs_sync_order(
  p_order_id uuid,
  p_reason text,
  p_requested_by text,
  p_now timestamptz default now()
) returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_run_id uuid;
begin
  if coalesce(btrim(p_reason), '') = '' or coalesce(btrim(p_requested_by), '') = '' then
    raise exception 'Cannot synchronise order without a reason and a name: current value is empty' using errcode = 'invalid_parameter_value';
  end if;
  perform jobs.shop_make_due(p_order_id => p_order_id, p_reason => p_reason, p_requested_by => p_requested_by, p_now => p_now);

  insert into public.job_runs (job, trigger, requested_by, reason, item_limit, order_id, created_at)
  values ('expire-stale-orders', 'server', p_requested_by, p_reason, 1, p_order_id, p_now)
  returning id into v_run_id;
  return jsonb_build_object('runId', v_run_id);
end;
$$;

comment on function public.jobs_sync_order(uuid, text, text, timestamptz) is
  'Makes one order due and queues a run restricted to it. For the operator''s tools (secret key) only.';

revoke all on function public.jobs_sync_order(uuid, text, text, timestamptz) from public, anon, authenticated;
grant execute on function public.jobs_sync_order(uuid, text, text, timestamptz) to service_role;
