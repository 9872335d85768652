-- A run's request: its row, its settings, and how it is refused.

-- Contract: the settings a run needs, as JSON for the functions, intervals in seconds; null when the row is gone. After
-- deaths in a row there is one batch at a time, or two suspects would die together again and again.
create function lapse.settings_json(p_job text) returns jsonb
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select jsonb_build_object(
    'runSeconds', s.run_seconds,
    'claimSeconds', s.claim_seconds,
    'runOrders', s.run_orders,
    'claimBatch', s.claim_batch,
    'closeBatch', s.close_batch,
    'batchesAtOnce', case when d.deaths = 0 then 2 else 1 end,
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
  from lapse.settings s
  cross join lapse.deaths_in_a_row(p_job => p_job) d;
$$;

comment on function lapse.settings_json(text) is 'The settings a run needs, as the functions parse them.';

-- Contract: ends a run that never got to work.
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
  -- A skipped run says nothing: another one is working.
  if p_status <> 'skipped' then
    perform lapse.ping(p_run => v_run, p_state => 'fail', p_now => p_now);
  end if;
  return jsonb_build_object('answer', p_status, 'now', p_now, 'run', to_jsonb(v_run));
end;
$$;

comment on function lapse.refuse_run(uuid, text, text, timestamptz) is
  'Ends a run as skipped, braked or failed before it worked.';

-- Contract: makes the run's row unless it is queued already, and returns it locked. Raises 22023 for a request that
-- does not fit the queued run, PT404 when the scheduler names a run that is not in this database: a copy of a database
-- must start nothing elsewhere.
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

comment on function lapse.request_run(uuid, text, text, text, text, boolean, integer, boolean, timestamptz) is
  'The row of a run that is about to begin, locked.';
