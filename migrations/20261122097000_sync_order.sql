-- Manual synchronisation: one order is asked about now, by a run that is restricted to it.
--
-- The restriction stands in the run's row, as everything else a run is told (a continuation's limit, a released brake): a request names
-- the run and nothing more. Such a run is a run like any other, with lease, claim, verdicts and settlement, so that nothing is decided in a
-- second way.

alter table public.job_runs add column order_id uuid;

comment on column public.job_runs.order_id is 'The only order this run works on, for a manual synchronisation; empty: all that are due.';

-- Contract: an order is due at once, whatever it was waiting for: a pending one past its deadline and grace, or a quarantined one, whose
-- failures start anew. Raises PT404 for an unknown order, PT409 for any other: before the deadline the run would end payments the customer
-- may still make, and an order that a run holds or that is closed has nothing to be asked.
create function jobs.shop_make_due(p_order_id uuid, p_reason text, p_requested_by text, p_now timestamptz) returns void
language plpgsql
set search_path = ''
as $$
declare
  v_order public.orders;
begin
  select * into v_order from public.orders o where o.id = p_order_id for update;
  if not found then
    raise exception 'Cannot synchronise order as it does not exist: current value is %', p_order_id using errcode = 'PT404';
  end if;

  if v_order.status = 'quarantined' then
    perform jobs.shop_redrive(p_order_id => p_order_id, p_reason => p_reason, p_requested_by => p_requested_by, p_now => p_now);
    return;
  end if;
  if v_order.status <> 'pending' then
    raise exception 'Cannot synchronise order % as it is neither pending nor quarantined: current value is %', p_order_id, v_order.status
      using errcode = 'PT409';
  end if;
  if v_order.expires_at + v_order.grace > p_now then
    raise exception 'Cannot synchronise order % as the customer may still pay it until %: current value is %', p_order_id,
      to_char((v_order.expires_at + v_order.grace) at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"'), v_order.status
      using errcode = 'PT409';
  end if;

  update public.orders o set next_check_at = p_now where o.id = p_order_id;
end;
$$;

comment on function jobs.shop_make_due(uuid, text, text, timestamptz) is 'Makes one order due at once, for a manual synchronisation.';

-- Contract: jobs.shop_claim for one order, with payments or without, if it is due. Waits for its lock: a checkout that holds it a moment
-- longer must not make the run find nothing.
create function jobs.shop_claim_order(p_run_id uuid, p_order_id uuid, p_now timestamptz, p_until timestamptz) returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  update public.orders o
  set status = 'expiring',
      claimed_by = p_run_id,
      attempt = o.attempt + 1,
      failures = o.failures + (o.status = 'expiring')::integer,
      next_check_at = p_until
  where o.id = p_order_id and o.status in ('pending', 'expiring') and o.next_check_at <= p_now;
  if not found then
    return '[]'::jsonb;
  end if;

  -- A statement of its own, and so a later look: a payment attached just before the claim got the lock is in it.
  return (select jsonb_build_array(jobs.shop_order_json(o)) from public.orders o where o.id = p_order_id);
end;
$$;

comment on function jobs.shop_claim_order(uuid, uuid, timestamptz, timestamptz) is 'Claims one due order for a run that is restricted to it.';

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

-- The four calls of a run that a restriction concerns, otherwise as they were.

create or replace function public.jobs_begin_run(
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
security definer
set search_path = ''
as $$
declare
  v_run public.job_runs;
  v_threshold integer := (select s.brake_threshold from jobs.settings s);
  v_lease jobs.leases;
  v_due integer := 1;
  v_oldest timestamptz;
begin
  if p_release_brake and coalesce(p_reason, '') = '' then
    raise exception 'Cannot release the brake without a reason: current value is empty' using errcode = 'invalid_parameter_value';
  end if;

  insert into public.job_runs (
    id, job, trigger, requested_by, reason, dry_run, item_limit, brake_released, created_at
  )
  values (p_run_id, p_job, p_trigger, p_requested_by, p_reason, p_dry_run, p_limit, p_release_brake, p_now)
  on conflict (id) do nothing;

  -- The same request may be delivered twice, even at once. The row lock lets one of the two begin.
  select * into strict v_run from public.job_runs r where r.id = p_run_id for update;
  if v_run.job <> p_job then
    raise exception 'Cannot begin run % of % as it is a run of another job: current value is %', p_run_id, p_job, v_run.job
      using errcode = 'invalid_parameter_value';
  end if;
  if v_run.dry_run <> p_dry_run then
    raise exception 'Cannot begin run % as the request differs from the queued run in dryRun: current value is %',
      p_run_id, v_run.dry_run using errcode = 'invalid_parameter_value';
  end if;
  if v_run.status <> 'queued' then
    return jsonb_build_object('answer', 'duplicate', 'now', p_now, 'run', to_jsonb(v_run));
  end if;

  if v_threshold is null then
    perform jobs.raise_alert(
      p_key => 'run_failed:' || p_job, p_job => p_job, p_severity => 'critical', p_message => 'A run failed',
      p_details => jsonb_build_object('runId', p_run_id, 'error', 'jobs.settings has no row'), p_now => p_now
    );
    return jobs.refuse_run(
      p_run_id => p_run_id, p_status => 'failed',
      p_error => 'Cannot start run as jobs.settings has no row: current value is empty', p_now => p_now
    );
  end if;

  if v_run.dry_run then
    update public.job_runs r set status = 'running', started_at = p_now, heartbeat_at = p_now
    where r.id = p_run_id returning * into v_run;
  else
    -- Two runs meet here: the second one waits for the row, then sees the lease taken.
    select * into strict v_lease from jobs.leases l where l.job = p_job for update;
    if v_lease.run_id is not null and v_lease.lease_until > p_now then
      return jobs.refuse_run(
        p_run_id => p_run_id, p_status => 'skipped', p_error => 'Another run holds the lease: ' || v_lease.run_id, p_now => p_now
      );
    end if;

    -- The former holder stopped giving signs of life. Its fence is old from here on.
    update public.job_runs r
    set status = 'lost', finished_at = p_now, error = 'The lease ran out and another run took over',
        duration_ms = least(extract(epoch from p_now - r.started_at) * 1000, 2147483647)::integer
    where r.id = v_lease.run_id and r.status = 'running';

    -- One order is no mass cancellation: a run restricted to it meets no brake, and says nothing about the brake's cause.
    if v_run.order_id is null then
      select d.due, d.oldest into v_due, v_oldest
      from jobs.job_due(p_job => p_job, p_now => p_now, p_cap => v_threshold + 1) d;
      if v_due > v_threshold and not v_run.brake_released then
        perform jobs.raise_alert(
          p_key => 'brake:' || p_job, p_job => p_job, p_severity => 'critical',
          p_message => 'The brake is on: more orders are due than usual, and nothing was touched',
          p_details => jsonb_build_object('threshold', v_threshold, 'oldestDueAt', v_oldest, 'runId', p_run_id),
          p_now => p_now
        );
        update jobs.leases l set run_id = null, lease_until = p_now where l.job = p_job;
        return jobs.refuse_run(
          p_run_id => p_run_id, p_status => 'braked',
          p_error => format('More than %s orders are due', v_threshold), p_now => p_now
        );
      end if;
      perform jobs.resolve_alert(p_key => 'brake:' || p_job, p_now => p_now);
    end if;

    update jobs.leases l
    set run_id = p_run_id, fence = l.fence + 1, lease_until = p_now + s.lease
    from jobs.settings s
    where l.job = p_job
    returning l.* into v_lease;

    update public.job_runs r
    set status = 'running', started_at = p_now, heartbeat_at = p_now, fence = v_lease.fence
    where r.id = p_run_id returning * into v_run;
  end if;

  return jsonb_build_object(
    'answer', 'running', 'now', p_now, 'run', to_jsonb(v_run), 'settings', jobs.settings_json(), 'due', coalesce(v_due, 1)
  );
end;
$$;

create or replace function public.jobs_expire_without_payments(
  p_run_id uuid,
  p_fence bigint,
  p_limit integer,
  p_now timestamptz default now()
) returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_run public.job_runs := jobs.hold_lease(p_run_id => p_run_id, p_fence => p_fence, p_now => p_now);
  v_decisions jobs.decision[] := array[]::jobs.decision[];
begin
  -- A run restricted to one order claims that order, with payments or without.
  if v_run.order_id is null then
    v_decisions := jobs.shop_expire_without_payments(p_now => p_now, p_limit => coalesce(p_limit, 0));
  end if;
  perform jobs.record_decisions(p_run => v_run, p_decisions => v_decisions, p_now => p_now);
  return (
    select jsonb_build_object('expired', count(*), 'unitsReleased', coalesce(sum(d.units_released), 0))
    from unnest(v_decisions) d
  );
end;
$$;

create or replace function public.jobs_claim_orders(
  p_run_id uuid,
  p_fence bigint,
  p_limit integer,
  p_now timestamptz default now()
) returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_run public.job_runs := jobs.hold_lease(p_run_id => p_run_id, p_fence => p_fence, p_now => p_now);
  v_settings jobs.settings;
  v_claimed jsonb;
  v_hopeless jsonb;
begin
  select * into strict v_settings from jobs.settings;
  v_claimed := case
    when v_run.order_id is null then jobs.shop_claim(
      p_run_id => p_run_id, p_now => p_now, p_until => p_now + v_settings.lease, p_limit => coalesce(p_limit, 0)
    )
    else jobs.shop_claim_order(
      p_run_id => p_run_id, p_order_id => v_run.order_id, p_now => p_now, p_until => p_now + v_settings.lease
    )
  end;

  select jsonb_agg(jsonb_build_object(
    'orderId', c -> 'id', 'attempt', c -> 'attempt', 'outcome', 'quarantined', 'reason', 'claim_lapsed', 'payments', '[]'::jsonb
  )) into v_hopeless
  from jsonb_array_elements(v_claimed) c
  where (c ->> 'failures')::integer >= v_settings.max_attempts;

  if v_hopeless is not null then
    perform jobs.record_decisions(
      p_run => v_run,
      p_decisions => jobs.shop_settle(p_run_id => p_run_id, p_decisions => v_hopeless, p_now => p_now),
      p_now => p_now
    );
  end if;

  return (
    select coalesce(jsonb_agg(c), '[]')
    from jsonb_array_elements(v_claimed) c
    where (c ->> 'failures')::integer < v_settings.max_attempts
  );
end;
$$;

create or replace function public.jobs_continue_run(p_run_id uuid, p_now timestamptz default now()) returns uuid
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_run public.job_runs;
  v_next uuid;
begin
  select * into v_run from public.job_runs r where r.id = p_run_id for update;
  if not found or v_run.status <> 'partial' then
    raise exception 'Cannot continue run % as it is not partial: current value is %', p_run_id, coalesce(v_run.status, 'missing')
      using errcode = 'PT409';
  end if;

  select r.id into v_next from public.job_runs r where r.continues = p_run_id;
  if found then
    return v_next;
  end if;
  v_next := jobs.dispatch(p_job => v_run.job, p_trigger => 'continuation', p_continues => p_run_id, p_now => p_now);
  -- What goes on with one order goes on with that one.
  update public.job_runs r set order_id = v_run.order_id where r.id = v_next and v_run.order_id is not null;
  return v_next;
end;
$$;

revoke all on all functions in schema jobs from public;
revoke all on function public.jobs_sync_order(uuid, text, text, timestamptz) from public, anon, authenticated;
grant execute on function public.jobs_sync_order(uuid, text, text, timestamptz) to service_role;
