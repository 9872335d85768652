-- begin_run: the first call of every run. It returns what the run may do.

-- Contract: takes the job's lease and checks the brake, in one transaction. `answer` is
--   running    work, with this fence, these settings and the database's time
--   duplicate  this run id has begun before: do nothing
--   skipped    another run works on the job: do nothing
--   braked     more orders are due for the first time than settings.brake_threshold, or the brake is on and not
--              released: do nothing
--   failed     no settings, no adapter, or this database belongs to another project: do nothing
-- A dry run takes no lease and ignores the brake, because it changes only its own row. A run of one order ignores the
-- brake, and does not resolve its alert. Raises 22023 for arguments that do not fit each other.
create function lapse.begin_run(
  p_run_id uuid,
  p_job text,
  p_trigger text,
  p_requested_by text default null,
  p_reason text default null,
  p_dry_run boolean default false,
  p_limit integer default null,
  p_release_brake boolean default false,
  p_functions_url text default null,
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
    raise exception 'Cannot release the brake with a dry run, which ignores the brake'
      using errcode = 'invalid_parameter_value';
  end if;
  if not exists (select from lapse.jobs j where j.job = p_job) then
    raise exception 'Cannot begin run %: there is no job %', p_run_id, coalesce(p_job, 'null')
      using errcode = 'invalid_parameter_value';
  end if;
  if not p_dry_run then
    perform lapse.end_future_leases(p_now => p_now);
  end if;

  -- Before the run's row, as everywhere. If two runs begin together, the second waits here.
  if not p_dry_run then
    perform from lapse.jobs j where j.job = p_job for no key update;
    -- If both jobs begin at once, the second one sees what the first recorded of its pace.
    if p_job = 'cleanup-stale-payment-intents' then
      perform from lapse.jobs j where j.job = 'expire-stale-orders' for share;
    end if;
  end if;
  v_run := lapse.request_run(
    p_run_id => p_run_id, p_job => p_job, p_trigger => p_trigger, p_requested_by => p_requested_by,
    p_reason => p_reason,
    p_dry_run => p_dry_run, p_limit => p_limit, p_release_brake => p_release_brake, p_now => p_now
  );
  if v_run.status <> 'queued' then
    return jsonb_build_object('answer', 'duplicate', 'now', p_now, 'run', to_jsonb(v_run));
  end if;

  if v_threshold is null then
    perform lapse.raise_alert(
      p_key => 'run_failed:' || p_job, p_job => p_job, p_severity => 'warning',
      p_message => format('A run of %s failed', p_job),
      p_details => jsonb_build_object('runId', p_run_id, 'cause', 'lapse.settings has no row'), p_now => p_now
    );
    return lapse.refuse_run(
      p_run_id => p_run_id, p_status => 'failed', p_error => 'Cannot begin run: lapse.settings has no row',
      p_now => p_now
    );
  end if;
  -- A scheduled run is queued in this database, so it belongs here.
  v_problem := case when p_trigger <> 'schedule' and not p_dry_run then lapse.elsewhere(p_functions_url => p_functions_url) end;
  if v_problem is not null then
    return lapse.refuse_run(p_run_id => p_run_id, p_status => 'failed', p_error => v_problem, p_now => p_now);
  end if;
  v_problem := lapse.adapter_problem();
  if v_problem is not null then
    perform lapse.raise_alert(
      p_key => 'adapter', p_job => null, p_severity => 'critical', p_message => 'The shop''s adapter does not fit',
      p_details => jsonb_build_object('cause', v_problem), p_now => p_now
    );
    return lapse.refuse_run(p_run_id => p_run_id, p_status => 'failed', p_error => v_problem, p_now => p_now);
  end if;
  perform lapse.resolve_alert(p_key => 'adapter', p_now => p_now);
  -- Orders that the shop's triggers recorded since the last run count as due, also for the brake.
  perform lapse.fold_inbox(p_refs => null, p_limit => 10000, p_now => p_now);

  if v_run.dry_run then
    update lapse.runs r set status = 'running', started_at = p_now, heartbeat_at = p_now
    where r.id = p_run_id returning * into v_run;
    return lapse.running(p_run => v_run, p_now => p_now);
  end if;

  select * into strict v_job from lapse.jobs j where j.job = p_job;
  if v_job.run_id is not null and v_job.lease_until > p_now then
    return lapse.refuse_run(
      p_run_id => p_run_id, p_status => 'skipped', p_error => 'Another run holds the lease: ' || v_job.run_id,
      p_now => p_now
    );
  end if;

  -- The former holder's heartbeat stopped. From here on its fence is old.
  update lapse.runs r
  set status = 'lost', finished_at = p_now, error = 'The lease ran out and another run took over',
      duration_ms = least(extract(epoch from p_now - r.started_at) * 1000, 2147483647)::integer
  where r.id = v_job.run_id and r.status = 'running';

  -- The brake guards against mass cancellations, not against single orders.
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
  if v_run.ref is null then
    perform lapse.count_late_money(p_run => v_run);
  end if;
  perform lapse.ping(p_run => v_run, p_state => 'start', p_now => p_now);
  return lapse.running(p_run => v_run, p_now => p_now);
end;
$$;

-- The result of begin_run for a run that may work.
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
    'settings', lapse.settings_json() || jsonb_build_object(
      'batchesAtOnce', lapse.batches_at_once(p_job => (p_run).job)
    ),
    'due', v_due,
    'refundsDue', not (p_run).dry_run and (p_run).ref is null and (p_run).job = 'expire-stale-orders'
      and lapse.refunds_due(p_now => p_now)
  ) || lapse.pace_of(p_run => p_run, p_now => p_now);
end;
$$;

create function public.lapse_begin_run(
  p_run_id uuid,
  p_job text,
  p_trigger text,
  p_requested_by text default null,
  p_reason text default null,
  p_dry_run boolean default false,
  p_limit integer default null,
  p_release_brake boolean default false,
  p_functions_url text default null
) returns jsonb
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
  select lapse.begin_run(
    p_run_id => p_run_id, p_job => p_job, p_trigger => p_trigger, p_requested_by => p_requested_by,
    p_reason => p_reason,
    p_dry_run => p_dry_run, p_limit => p_limit, p_release_brake => p_release_brake,
    p_functions_url => p_functions_url, p_now => now()
  );
$$;

comment on function public.lapse_begin_run(uuid, text, text, text, text, boolean, integer, boolean, text) is
  'First call of a run: row, lease and brake. For the Edge Functions (secret key) only.';
