-- jobs_begin_run: the first call of every run. It answers what the run may do.
--
-- Contract: makes the run's row (unless dispatch made it), takes the job's lease and looks at the brake, in one transaction.
-- `answer` is
--   running    go on, with this fence, these settings and the database's time
--   duplicate  this run id has begun before: do nothing
--   skipped    another run works on the job: do nothing
--   braked     more orders are due than the brake allows and nobody released it: do nothing
--   failed     the settings are gone: do nothing
-- A dry run takes no lease and meets no brake: it changes nothing but its own row.
-- Raises 22023 for arguments that do not fit each other.

-- Contract: due items of a job, counted up to a cap; the brake and the backlog use it.
create function jobs.job_due(p_job text, p_now timestamptz, p_cap integer)
returns table (due integer, oldest timestamptz)
language sql stable
set search_path = ''
as $$
  select d.due, d.oldest from jobs.shop_due(p_now => p_now, p_cap => p_cap) d where p_job = 'expire-stale-orders';
$$;

comment on function jobs.job_due(text, timestamptz, integer) is 'Due items of a job, up to a cap, and the oldest due time.';

-- Contract: ends a run that never got to work.
create function jobs.refuse_run(p_run_id uuid, p_status text, p_error text, p_now timestamptz) returns jsonb
language sql
set search_path = ''
as $$
  update public.job_runs r
  set status = p_status, error = p_error, started_at = coalesce(r.started_at, p_now), finished_at = p_now, duration_ms = 0
  where r.id = p_run_id
  returning jsonb_build_object('answer', p_status, 'now', p_now, 'run', to_jsonb(r));
$$;

comment on function jobs.refuse_run(uuid, text, text, timestamptz) is 'Ends a run as skipped, braked or failed before it worked.';

create function public.jobs_begin_run(
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

comment on function public.jobs_begin_run(uuid, text, text, text, text, boolean, integer, boolean, timestamptz) is
  'First call of a run: row, lease and brake. For the Edge Functions (secret key) only.';

revoke all on all functions in schema jobs from public;
revoke all on function public.jobs_begin_run(uuid, text, text, text, text, boolean, integer, boolean, timestamptz)
  from public, anon, authenticated;
grant execute on function public.jobs_begin_run(uuid, text, text, text, text, boolean, integer, boolean, timestamptz)
  to service_role;
