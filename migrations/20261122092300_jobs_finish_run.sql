-- jobs_finish_run: the last call of every run.
--
-- Contract: gives the run its final state, updates the job's metrics and gives the lease back. Safe to repeat, and safe after
-- the lease was lost: a final state is never overwritten, and a lease held by another run is left alone. Returns the run's row.

create function public.jobs_finish_run(
  p_run_id uuid,
  p_status text,
  p_error text default null,
  p_stripe_calls integer default 0,
  p_stripe_throttled integer default 0,
  p_now timestamptz default now()
) returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_run public.job_runs;
  v_backlog record;
begin
  if p_status is null or p_status not in ('succeeded', 'partial', 'failed', 'braked') then
    raise exception 'Cannot finish run % with this status: current value is %', p_run_id, p_status
      using errcode = 'invalid_parameter_value';
  end if;

  -- Lease before run, as in jobs.hold_lease and in a takeover: one order of locks, no deadlock.
  perform from jobs.leases l where l.run_id = p_run_id for update;
  select * into v_run from public.job_runs r where r.id = p_run_id for update;
  if not found then
    raise exception 'Cannot finish run as it does not exist: current value is %', p_run_id using errcode = 'PT404';
  end if;
  if v_run.finished_at is not null then
    return to_jsonb(v_run);
  end if;

  -- Counting stops at 100,000: beyond that an operator needs the alert, not the digit.
  select * into v_backlog from jobs.job_due(p_job => v_run.job, p_now => p_now, p_cap => 100000);

  update public.job_runs r
  set status = p_status,
      error = p_error,
      finished_at = p_now,
      duration_ms = least(greatest(extract(epoch from p_now - coalesce(r.started_at, p_now)), 0) * 1000, 2147483647)::integer,
      stripe_calls = p_stripe_calls,
      stripe_throttled = p_stripe_throttled,
      backlog = v_backlog.due,
      oldest_due_at = v_backlog.oldest
  where r.id = p_run_id
  returning * into v_run;

  if not v_run.dry_run then
    update public.job_metrics m
    set runs_total = m.runs_total + 1,
        runs_failed_total = m.runs_failed_total + (p_status = 'failed')::integer,
        job_execution_time = v_run.duration_ms,
        last_execution_time = p_now,
        last_success_time = case when p_status = 'succeeded' then p_now else m.last_success_time end,
        backlog = v_run.backlog,
        oldest_due_at = v_run.oldest_due_at
    where m.job = v_run.job;

    insert into public.job_metrics_daily as m (job, day, runs, runs_failed, execution_time)
    values (v_run.job, (p_now at time zone 'UTC')::date, 1, (p_status = 'failed')::integer, v_run.duration_ms)
    on conflict (job, day) do update
    set runs = m.runs + excluded.runs,
        runs_failed = m.runs_failed + excluded.runs_failed,
        execution_time = m.execution_time + excluded.execution_time;

    update jobs.leases l set run_id = null, lease_until = p_now where l.run_id = p_run_id;

    -- A run restricted to one order says nothing about the job, and whoever asked for it sees how it ended.
    if p_status = 'failed' and v_run.order_id is null then
      perform jobs.raise_alert(
        p_key => 'run_failed:' || v_run.job, p_job => v_run.job, p_severity => 'critical', p_message => 'A run failed',
        p_details => jsonb_build_object('runId', p_run_id, 'error', p_error), p_now => p_now
      );
    elsif p_status = 'succeeded' and v_run.order_id is null then
      perform jobs.resolve_alert(p_key => 'run_failed:' || v_run.job, p_now => p_now);
    end if;
  end if;

  return to_jsonb(v_run);
end;
$$;

comment on function public.jobs_finish_run(uuid, text, text, integer, integer, timestamptz) is
  'Last call of a run: final state, metrics, lease. For the Edge Functions (secret key) only.';

revoke all on function public.jobs_finish_run(uuid, text, text, integer, integer, timestamptz)
  from public, anon, authenticated;
grant execute on function public.jobs_finish_run(uuid, text, text, integer, integer, timestamptz) to service_role;
