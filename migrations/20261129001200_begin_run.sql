-- begin_run: the first call of every run. It answers what the run may do.

-- Contract: due orders of a job, counted up to a cap, and since when the oldest has waited. The clean-up names no oldest one: what it
-- finds may wait for its weekly slot, and an alert about overdue orders would be a false one. A list of Stripe's that it has not read for
-- an hour counts as one: payments of orders that nobody knows are found there.
create function lapse.job_due(p_job text, p_now timestamptz, p_cap integer)
returns table (due integer, oldest timestamptz)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_job = 'expire-stale-orders' then
    return query
    select count(*)::integer, min(d.since)
    from (
      select coalesce(o.due_since, o.next_check_at) as since
      from lapse.orders o
      where o.next_check_at is not null and o.next_check_at <= p_now and o.status <> 'unknown'
      order by o.next_check_at, o.ref
      limit p_cap
    ) d;
  else
    return query
    select greatest(count(*), (p_cap > 0 and lapse.list_is_behind(p_now => p_now))::integer)::integer, null::timestamptz
    from (
      select
      from lapse.orders o
      where o.next_check_at is not null and o.next_check_at <= p_now and o.status in ('expired', 'paid', 'unknown')
      order by o.next_check_at, o.ref
      limit p_cap
    ) d;
  end if;
end;
$$;

comment on function lapse.job_due(text, timestamptz, integer) is 'Due orders of a job, up to a cap, and since when the oldest has waited.';

-- Contract: how many orders are due for the first time, up to a cap: what the brake counts. Orders that were due when an operator released
-- the brake do not count; rechecks never do.
create function lapse.first_due(p_job text, p_released_at timestamptz, p_now timestamptz, p_cap integer) returns integer
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select count(*)::integer
  from (
    (
      select
      from lapse.orders o
      where p_job = 'expire-stale-orders' and o.next_check_at is not null and o.next_check_at <= p_now
        and o.status in ('pending', 'expiring') and o.looks = 0 and o.due_since > coalesce(p_released_at, '-infinity')
      limit p_cap
    )
    union all
    (
      select
      from lapse.orders o
      where p_job = 'cleanup-stale-payment-intents' and o.next_check_at is not null and o.next_check_at <= p_now
        and o.status in ('expired', 'paid', 'unknown') and o.looks = 0
        and coalesce(o.due_since, o.next_check_at) > coalesce(p_released_at, '-infinity')
      limit p_cap
    )
  ) d;
$$;

comment on function lapse.first_due(text, timestamptz, timestamptz, integer) is
  'Orders due for the first time since the brake was released, up to a cap.';

-- Contract: the settings a run needs, as JSON for the functions, intervals in seconds; null when the row is gone. After deaths in a row
-- there is one batch at a time, or two suspects would die together again and again.
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
language sql
set search_path = pg_catalog, pg_temp
as $$
  update lapse.runs r
  set status = p_status, error = p_error, started_at = coalesce(r.started_at, p_now), finished_at = p_now, duration_ms = 0
  where r.id = p_run_id
  returning jsonb_build_object('answer', p_status, 'now', p_now, 'run', to_jsonb(r));
$$;

comment on function lapse.refuse_run(uuid, text, text, timestamptz) is 'Ends a run as skipped, braked or failed before it worked.';

-- Contract: makes the run's row unless it is queued already, and returns it locked. Raises 22023 for a request that does not fit the queued
-- run, PT404 when the scheduler names a run that is not in this database: a copy of a database must start nothing elsewhere.
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
    values (p_run_id, p_job, p_trigger, p_requested_by, p_reason, p_dry_run, p_limit, case when p_release_brake then p_now end, p_now)
    on conflict (id) do nothing;
  end if;

  -- The same request may be delivered twice, even at once. The row lock lets one of the two begin.
  select * into v_run from lapse.runs r where r.id = p_run_id for no key update;
  if not found then
    raise exception 'Cannot begin run %: the scheduler may only start runs that are queued in this database', p_run_id
      using errcode = 'PT404';
  end if;
  -- What a request leaves out, the queued run says.
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

-- Contract: takes the job's lease and looks at the brake, in one transaction. `answer` is
--   running    go on, with this fence, these settings and the database's time
--   duplicate  this run id has begun before: do nothing
--   skipped    another run works on the job: do nothing
--   braked     more orders are due for the first time than usual, or the brake was put on, and nobody released it: do nothing
--   failed     no settings, or no adapter: do nothing
-- A dry run takes no lease and meets no brake: it changes nothing but its own row. A run of one order meets no brake and says nothing about
-- the brake's cause. Raises 22023 for arguments that do not fit each other.
create function lapse.begin_run(
  p_run_id uuid,
  p_job text,
  p_trigger text,
  p_requested_by text default null,
  p_reason text default null,
  p_dry_run boolean default false,
  p_limit integer default null,
  p_release_brake boolean default false,
  p_now timestamptz default now()
) returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_run lapse.runs;
  v_job lapse.jobs;
  v_threshold integer := (select s.brake_threshold from lapse.settings s);
  v_problem text;
begin
  if p_release_brake and coalesce(btrim(p_reason), '') = '' then
    raise exception 'Cannot release the brake without a reason' using errcode = 'invalid_parameter_value';
  end if;
  if p_release_brake and p_dry_run then
    raise exception 'Cannot release the brake with a dry run: it meets no brake' using errcode = 'invalid_parameter_value';
  end if;
  if not exists (select from lapse.jobs j where j.job = p_job) then
    raise exception 'Cannot begin run %: there is no job %', p_run_id, coalesce(p_job, 'null') using errcode = 'invalid_parameter_value';
  end if;
  if not p_dry_run then
    perform lapse.end_future_leases(p_now => p_now);
  end if;

  -- Before the run's row, like everywhere: two runs meet here, and the second one waits.
  if not p_dry_run then
    perform from lapse.jobs j where j.job = p_job for no key update;
  end if;
  v_run := lapse.request_run(
    p_run_id => p_run_id, p_job => p_job, p_trigger => p_trigger, p_requested_by => p_requested_by, p_reason => p_reason,
    p_dry_run => p_dry_run, p_limit => p_limit, p_release_brake => p_release_brake, p_now => p_now
  );
  if v_run.status <> 'queued' then
    return jsonb_build_object('answer', 'duplicate', 'now', p_now, 'run', to_jsonb(v_run));
  end if;

  if v_threshold is null then
    perform lapse.raise_alert(
      p_key => 'run_failed:' || p_job, p_job => p_job, p_severity => 'warning', p_message => 'A run failed',
      p_details => jsonb_build_object('runId', p_run_id, 'error', 'lapse.settings has no row'), p_now => p_now
    );
    return lapse.refuse_run(
      p_run_id => p_run_id, p_status => 'failed', p_error => 'Cannot begin run: lapse.settings has no row', p_now => p_now
    );
  end if;
  v_problem := lapse.adapter_problem();
  if v_problem is not null then
    perform lapse.raise_alert(
      p_key => 'adapter', p_job => null, p_severity => 'critical', p_message => v_problem,
      p_details => jsonb_build_object('runId', p_run_id), p_now => p_now
    );
    return lapse.refuse_run(p_run_id => p_run_id, p_status => 'failed', p_error => v_problem, p_now => p_now);
  end if;
  perform lapse.resolve_alert(p_key => 'adapter', p_now => p_now);
  -- What the shop's triggers noted since the last run counts as due, for the brake as well.
  perform lapse.fold_inbox(p_refs => null, p_limit => 10000, p_now => p_now);

  if v_run.dry_run then
    update lapse.runs r set status = 'running', started_at = p_now, heartbeat_at = p_now
    where r.id = p_run_id returning * into v_run;
    return lapse.running(p_run => v_run, p_now => p_now);
  end if;

  select * into strict v_job from lapse.jobs j where j.job = p_job;
  if v_job.run_id is not null and v_job.lease_until > p_now then
    return lapse.refuse_run(
      p_run_id => p_run_id, p_status => 'skipped', p_error => 'Another run holds the lease: ' || v_job.run_id, p_now => p_now
    );
  end if;

  -- The former holder stopped giving signs of life. Its fence is old from here on.
  update lapse.runs r
  set status = 'lost', finished_at = p_now, error = 'The lease ran out and another run took over',
      duration_ms = least(extract(epoch from p_now - r.started_at) * 1000, 2147483647)::integer
  where r.id = v_job.run_id and r.status = 'running';

  -- One order is no mass cancellation.
  if v_run.ref is null then
    v_problem := lapse.brake_reason(p_run => v_run, p_now => p_now);
    if v_problem is not null then
      update lapse.jobs j set run_id = null, lease_until = p_now where j.job = p_job;
      return lapse.refuse_run(p_run_id => p_run_id, p_status => 'braked', p_error => v_problem, p_now => p_now);
    end if;
    perform lapse.resolve_alert(p_key => 'brake:' || p_job, p_now => p_now);
  end if;

  update lapse.jobs j
  set run_id = p_run_id, fence = j.fence + 1, lease_until = p_now + s.lease,
      brake_on = j.brake_on and not (p_release_brake and v_run.ref is null)
  from lapse.settings s
  where j.job = p_job
  returning j.* into v_job;

  update lapse.runs r
  set status = 'running', started_at = p_now, heartbeat_at = p_now, fence = v_job.fence
  where r.id = p_run_id returning * into v_run;
  return lapse.running(p_run => v_run, p_now => p_now);
end;
$$;

comment on function lapse.begin_run(uuid, text, text, text, text, boolean, integer, boolean, timestamptz) is
  'First call of a run: row, lease and brake.';

-- Contract: why the brake stops this run, with an alert that says so; null when nothing stops it. A release (brake_released_at, inherited by
-- continuations) covers the orders that were due when it was given, and the switch brake_on.
create function lapse.brake_reason(p_run lapse.runs, p_now timestamptz) returns text
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_threshold integer;
  v_reason text;
begin
  select s.brake_threshold into strict v_threshold from lapse.settings s;
  v_reason := case
    when (p_run).brake_released_at is null and (select j.brake_on from lapse.jobs j where j.job = (p_run).job)
      then 'The brake is on until an operator releases it'
    when lapse.first_due(
      p_job => (p_run).job, p_released_at => (p_run).brake_released_at, p_now => p_now, p_cap => v_threshold + 1
    ) > v_threshold then format('More than %s orders are due for the first time', v_threshold)
  end;
  if v_reason is not null then
    perform lapse.raise_alert(
      p_key => 'brake:' || (p_run).job, p_job => (p_run).job, p_severity => 'critical',
      p_message => 'The brake is on: more orders are due than usual, and nothing was touched',
      p_details => jsonb_build_object(
        'threshold', v_threshold, 'runId', (p_run).id,
        'oldestDueAt', (select d.oldest from lapse.job_due(p_job => (p_run).job, p_now => p_now, p_cap => v_threshold + 1) d)
      ),
      p_now => p_now
    );
  end if;
  return v_reason;
end;
$$;

comment on function lapse.brake_reason(lapse.runs, timestamptz) is 'Why the brake stops a run, or null.';

-- Contract: the answer `running`.
create function lapse.running(p_run lapse.runs, p_now timestamptz) returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_due integer := 1;
begin
  if (p_run).ref is null then
    select d.due into v_due
    from lapse.settings s
    cross join lapse.job_due(p_job => (p_run).job, p_now => p_now, p_cap => s.brake_threshold + 1) d;
  end if;
  return jsonb_build_object(
    'answer', 'running',
    'now', p_now,
    'run', to_jsonb(p_run),
    'settings', lapse.settings_json(p_job => (p_run).job),
    'due', v_due,
    'paymentsPerSecond', lapse.pace_of(p_run => p_run, p_now => p_now)
  );
end;
$$;

comment on function lapse.running(lapse.runs, timestamptz) is 'What begin_run answers to a run that may work.';

create function public.lapse_begin_run(
  p_run_id uuid,
  p_job text,
  p_trigger text,
  p_requested_by text default null,
  p_reason text default null,
  p_dry_run boolean default false,
  p_limit integer default null,
  p_release_brake boolean default false
) returns jsonb
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
  select lapse.begin_run(
    p_run_id => p_run_id, p_job => p_job, p_trigger => p_trigger, p_requested_by => p_requested_by, p_reason => p_reason,
    p_dry_run => p_dry_run, p_limit => p_limit, p_release_brake => p_release_brake, p_now => now()
  );
$$;

comment on function public.lapse_begin_run(uuid, text, text, text, text, boolean, integer, boolean) is
  'First call of a run: row, lease and brake. For the Edge Functions (secret key) only.';
