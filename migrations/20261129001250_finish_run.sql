-- finish_run and continue_run: the last calls of a run.

-- Contract: gives the run its final state, updates the job's metrics and releases the lease. Safe to repeat, and safe
-- after the lease was lost: a final state is never overwritten, and a lease held by another run is left alone. A run
-- that hit the brake midway ends as braked, even if it reports another state. Returns the run's row.
create function lapse.finish_run(
  p_run_id uuid,
  p_status text,
  p_error text default null,
  p_stripe_calls integer default 0,
  p_stripe_throttled integer default 0,
  p_now timestamptz default now()
) returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_run lapse.runs;
  v_status text := p_status;
  v_error text := p_error;
  v_backlog record;
begin
  if p_status is null or p_status not in ('succeeded', 'partial', 'failed', 'braked') then
    raise exception 'Cannot finish run %: % is not a state in which a run ends', p_run_id, coalesce(p_status, 'null')
      using errcode = 'invalid_parameter_value';
  end if;

  -- Lease before run, as in hold_lease and in a takeover: one order of locks, no deadlock.
  perform from lapse.jobs j where j.run_id = p_run_id for no key update;
  select * into v_run from lapse.runs r where r.id = p_run_id for no key update;
  if not found then
    raise exception 'Cannot finish run %: it does not exist', p_run_id using errcode = 'PT404';
  end if;
  if v_run.finished_at is not null then
    return to_jsonb(v_run);
  end if;

  if v_status in ('succeeded', 'partial') and not v_run.dry_run and v_run.ref is null
    and exists (select from lapse.jobs j where j.run_id = p_run_id and j.brake_on)
  then
    v_status := 'braked';
    v_error := concat_ws('; ', v_error, 'The brake came on: more orders became due than usual');
  end if;

  -- Counting stops at 100,000. Above that an operator needs the alert, not the exact number.
  select * into v_backlog from lapse.job_due(p_job => v_run.job, p_now => p_now, p_cap => 100000);

  update lapse.runs r
  set status = v_status,
      error = v_error,
      finished_at = p_now,
      duration_ms = least(
        greatest(extract(epoch from p_now - coalesce(r.started_at, p_now)), 0) * 1000, 2147483647
      )::integer,
      stripe_calls = coalesce(p_stripe_calls, 0),
      stripe_throttled = coalesce(p_stripe_throttled, 0),
      backlog = v_backlog.due,
      oldest_due_at = v_backlog.oldest
  where r.id = p_run_id
  returning * into v_run;

  if not v_run.dry_run then
    update lapse.metrics m
    set runs_total = m.runs_total + 1,
        runs_failed_total = m.runs_failed_total + (v_status = 'failed')::integer,
        job_execution_time = v_run.duration_ms,
        last_execution_time = p_now,
        last_success_time = case when v_status = 'succeeded' then p_now else m.last_success_time end,
        backlog = v_run.backlog,
        oldest_due_at = v_run.oldest_due_at
    where m.job = v_run.job;

    insert into lapse.metrics_daily as m (job, day, runs, runs_failed, execution_time)
    values (v_run.job, (p_now at time zone 'UTC')::date, 1, (v_status = 'failed')::integer, v_run.duration_ms)
    on conflict (job, day) do update
    set runs = m.runs + excluded.runs,
        runs_failed = m.runs_failed + excluded.runs_failed,
        execution_time = m.execution_time + excluded.execution_time;

    perform lapse.release_share(p_run => v_run, p_now => p_now);
    update lapse.jobs j set run_id = null, lease_until = p_now where j.run_id = p_run_id;
    perform lapse.ping(
      p_run => v_run, p_state => case when v_status in ('succeeded', 'partial') then 'success' else 'fail' end, p_now => p_now
    );

    -- A run restricted to one order says nothing about the job, and its operator sees the result.
    if v_status = 'failed' and v_run.ref is null then
      perform lapse.raise_alert(
        p_key => 'run_failed:' || v_run.job, p_job => v_run.job, p_severity => 'warning', p_message => format('A run of %s failed', v_run.job),
        p_details => jsonb_build_object('runId', p_run_id, 'cause', p_error), p_now => p_now
      );
    elsif v_status = 'succeeded' and v_run.ref is null then
      perform lapse.resolve_alert(p_key => 'run_failed:' || v_run.job, p_now => p_now);
    end if;
  end if;

  return to_jsonb(v_run);
end;
$$;

create function public.lapse_finish_run(
  p_run_id uuid,
  p_status text,
  p_error text default null,
  p_stripe_calls integer default 0,
  p_stripe_throttled integer default 0
) returns jsonb
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
  select lapse.finish_run(
    p_run_id => p_run_id, p_status => p_status, p_error => p_error, p_stripe_calls => p_stripe_calls,
    p_stripe_throttled => p_stripe_throttled, p_now => now()
  );
$$;

comment on function public.lapse_finish_run(uuid, text, text, integer, integer) is
  'Last call of a run: final state, metrics, lease. For the Edge Functions (secret key) only.';

-- Contract: queues the run that continues this one, and returns its id; null while the job is paused. Only a partial
-- run can be continued, and only once. The continuation inherits the rest of the limit, the brake's release and the
-- restriction to one order.
create function lapse.continue_run(p_run_id uuid, p_now timestamptz default now()) returns uuid
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_run lapse.runs;
  v_next uuid;
begin
  select * into v_run from lapse.runs r where r.id = p_run_id for no key update;
  if not found then
    raise exception 'Cannot continue run %: it does not exist', p_run_id using errcode = 'PT404';
  end if;
  if v_run.status <> 'partial' then
    raise exception 'Cannot continue run %: it is %, not partial', p_run_id, v_run.status using errcode = 'PT409';
  end if;

  select r.id into v_next from lapse.runs r where r.continues = p_run_id;
  if found then
    return v_next;
  end if;
  -- The switch that stops the ticks also stops continuations.
  if exists (select from lapse.schedules s where s.job = v_run.job and not s.active) then
    return null;
  end if;
  v_next := lapse.dispatch(p_job => v_run.job, p_trigger => 'continuation', p_continues => p_run_id, p_now => p_now);
  update lapse.runs r
  set ref = v_run.ref, operator_word = v_run.operator_word
  where r.id = v_next and v_run.ref is not null;
  return v_next;
end;
$$;

-- What is left of a run's limit for its continuation: null without a limit, at least 1.
create function lapse.limit_left(p_run lapse.runs) returns integer
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  -- greatest() ignores nulls: without the case, no limit would become a limit of one.
  select case when (p_run).item_limit is not null then greatest(1, (p_run).item_limit - case (p_run).job
    when 'expire-stale-orders' then
      (p_run).orders_expired + (p_run).orders_paid + (p_run).orders_waiting + (p_run).orders_retried
      + (p_run).orders_quarantined
    else (p_run).payment_intents_canceled + (p_run).checkout_sessions_expired
  end)::integer end;
$$;

create function public.lapse_continue_run(p_run_id uuid) returns uuid
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
  select lapse.continue_run(p_run_id => p_run_id, p_now => now());
$$;

comment on function public.lapse_continue_run(uuid) is
  'Queues the run that continues where this one handed over. For the Edge Functions (secret key) only.';
