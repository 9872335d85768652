-- A run's request: its row, its settings, and its refusal.

-- Contract: the settings as JSON for the functions, intervals in seconds; null when the row is gone.
create function lapse.settings_json() returns jsonb
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select jsonb_build_object(
    'runSeconds', s.run_seconds,
    'claimSeconds', s.claim_seconds,
    'runOrders', s.run_orders,
    'claimBatch', s.claim_batch,
    'closeBatch', s.close_batch,
    'metadataKey', s.metadata_key,
    'cleanupScope', s.cleanup_scope,
    'disputedPayments', s.disputed_payments,
    'customerActionGraceSeconds', extract(epoch from s.customer_action_grace),
    'processingRecheckSeconds', extract(epoch from s.processing_recheck),
    'captureRecheckSeconds', extract(epoch from s.capture_recheck),
    'voucherSettleGraceSeconds', extract(epoch from s.voucher_settle_grace),
    'slowMethodWindowSeconds', extract(epoch from s.slow_method_window),
    'staleAgeSeconds', extract(epoch from s.stale_age)
  )
  from lapse.settings s;
$$;

-- Contract: how many batches a run works on at once. One after a run has died, so that a run does not hold two
-- suspect batches.
create function lapse.batches_at_once(p_job text) returns integer
language sql stable
set search_path = pg_catalog, pg_temp
as $$ select case when d.deaths = 0 then 2 else 1 end from lapse.deaths_in_a_row(p_job => p_job) d $$;

-- Contract: ends a run before it works.
create function lapse.refuse_run(p_run_id uuid, p_status text, p_error text, p_now timestamptz) returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_run lapse.runs;
begin
  update lapse.runs r
  set status = p_status, error = p_error, started_at = coalesce(r.started_at, p_now), finished_at = p_now,
      duration_ms = 0
  where r.id = p_run_id
  returning * into strict v_run;
  -- A skipped run raises no alert, because another one is working.
  if p_status <> 'skipped' then
    perform lapse.ping(p_run => v_run, p_state => 'fail', p_now => p_now);
  end if;
  return jsonb_build_object('answer', p_status, 'now', p_now, 'run', to_jsonb(v_run));
end;
$$;

-- Contract: creates the run's row unless it is queued already, and returns it locked. Raises 22023 for a request that
-- does not match the queued run, and PT404 if the scheduler names a run that is not in this database, because a copy
-- of a database must not start runs elsewhere.
create function lapse.request_run(
  p_run_id uuid,
  p_job text,
  p_trigger text,
  p_requested_by text,
  p_reason text,
  p_dry_run boolean,
  p_limit integer,
  p_release_brake boolean,
  p_now timestamptz
) returns lapse.runs
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_run lapse.runs;
  v_differs text;
begin
  if p_trigger <> 'schedule' then
    insert into lapse.runs (id, job, trigger, requested_by, reason, dry_run, item_limit, brake_released_at, created_at)
    values (
      p_run_id, p_job, p_trigger, p_requested_by, p_reason, p_dry_run, p_limit,
      case when p_release_brake then p_now end, p_now
    )
    on conflict (id) do nothing;
  end if;

  -- The same request may be delivered twice, even at once. The row lock lets one of the two begin.
  select * into v_run from lapse.runs r where r.id = p_run_id for no key update;
  if not found then
    raise exception 'Cannot begin run %: the scheduler may only start runs that are queued in this database', p_run_id
      using errcode = 'PT404';
  end if;
  -- The queued run supplies the values that the request omits.
  v_differs := case
    when v_run.job <> p_job then 'job'
    when v_run.dry_run <> p_dry_run then 'dryRun'
    when v_run.item_limit <> p_limit or v_run.item_limit is null and p_limit is not null then 'limit'
    when p_release_brake and v_run.brake_released_at is null then 'releaseBrake'
    when v_run.reason <> p_reason or v_run.reason is null and p_reason is not null then 'reason'
  end;
  if v_differs is not null then
    raise exception 'Cannot begin run %: the request and the queued run differ in %', p_run_id, v_differs
      using errcode = 'invalid_parameter_value', hint = 'Send the run id alone, or a new run id.';
  end if;
  return v_run;
end;
$$;
