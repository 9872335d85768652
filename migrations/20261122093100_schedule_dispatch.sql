-- Dispatch: from a tick of pg_cron to a run of a job.
--
-- Contract: the run's row and the HTTP request commit together, so that a request without a row, or a row without a request,
-- cannot exist; what becomes of the request is for the watch to notice. Raises when Vault lacks the URL or the secret: pg_net
-- would drop an empty header without a word, and pg_cron would call that a success.

-- Contract: queues a run of a job and returns its id. p_continues hands on a run's brake release, its reason and
-- what is left of its limit.
create function jobs.dispatch(
  p_job text,
  p_trigger text default 'schedule',
  p_continues uuid default null,
  p_now timestamptz default now()
) returns uuid
language plpgsql
set search_path = ''
as $$
declare
  v_url text := jobs.functions_url();
  v_secret text := jobs.read_secret('jobs_scheduler_secret');
  v_run_id uuid;
begin
  insert into public.job_runs (job, trigger, requested_by, continues, reason, brake_released, item_limit, created_at)
  select p_job, p_trigger, 'pg_cron', c.id, c.reason, coalesce(c.brake_released, false),
    -- greatest() passes over nulls: without the case, no limit would become a limit of one
    case when c.item_limit is not null then greatest(1, c.item_limit - case p_job
      when 'expire-stale-orders'
        then c.payments_expired + c.orders_paid + c.orders_waiting + c.orders_retried + c.orders_quarantined
      else c.payment_intents_canceled + c.checkout_sessions_expired
    end) end,
    p_now
  from (select) as one
  left join public.job_runs c on c.id = p_continues
  returning id into v_run_id;

  update public.job_runs r
  set request_id = net.http_post(
    url => v_url || '/' || p_job,
    body => jsonb_build_object('runId', v_run_id),
    headers => jsonb_build_object('Content-Type', 'application/json', 'x-jobs-secret', v_secret),
    -- The functions answer in milliseconds; a slow one must not hold up the other requests of the project's one batch.
    timeout_milliseconds => 5000
  )
  where r.id = v_run_id;

  return v_run_id;
end;
$$;

comment on function jobs.dispatch(text, text, uuid, timestamptz) is
  'Queues a run: its row and its HTTP request in one transaction. What pg_cron calls.';

-- Contract: a run that ran out of time asks for another one that goes on; null while the job is paused. Only a finished run with work left
-- can, and only once.
create function public.jobs_continue_run(p_run_id uuid, p_now timestamptz default now()) returns uuid
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
  -- The switch that stops the ticks stops what goes on by itself as well.
  if exists (select from jobs.schedules s where s.job = v_run.job and not s.active) then
    return null;
  end if;
  v_next := jobs.dispatch(p_job => v_run.job, p_trigger => 'continuation', p_continues => p_run_id, p_now => p_now);
  -- What goes on with one order goes on with that one.
  update public.job_runs r set order_id = v_run.order_id where r.id = v_next and v_run.order_id is not null;
  return v_next;
end;
$$;

comment on function public.jobs_continue_run(uuid, timestamptz) is
  'Queues the run that goes on where this one ran out of time. For the Edge Functions (secret key) only.';

revoke all on all functions in schema jobs from public;
revoke all on function public.jobs_continue_run(uuid, timestamptz) from public, anon, authenticated;
grant execute on function public.jobs_continue_run(uuid, timestamptz) to service_role;
