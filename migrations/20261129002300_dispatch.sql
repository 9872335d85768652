-- Dispatch: from a tick of pg_cron to a run of a job.
--
-- The run's row and the HTTP request commit together, so that neither exists without the other; the watch notices what
-- happens to the request. Raises if Vault lacks the URL or the secret, because pg_net would silently drop an empty
-- header and pg_cron would report a success.

-- Contract: queues a run of a job and returns its id. p_continues is the run to continue: the new run inherits its
-- reason, its restriction to one order, the rest of its limit, and the time at which an operator released its brake.
-- Raises 22023 for a dry run, because its continuation would be a real run.
create function lapse.dispatch(
  p_job text,
  p_trigger text default 'schedule',
  p_continues uuid default null,
  p_now timestamptz default now()
) returns uuid
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_url text := lapse.functions_url();
  v_secret text := lapse.read_secret('lapse_scheduler_secret');
  v_before lapse.runs;
  v_run_id uuid;
begin
  if p_continues is not null then
    select * into strict v_before from lapse.runs r where r.id = p_continues;
    if v_before.dry_run then
      raise exception 'Cannot continue run %: it is a dry run', p_continues using errcode = 'invalid_parameter_value';
    end if;
  end if;
  insert into lapse.runs (job, trigger, requested_by, continues, reason, ref, brake_released_at, item_limit, created_at)
  values (
    p_job, p_trigger, 'pg_cron', p_continues, v_before.reason, v_before.ref, v_before.brake_released_at,
    lapse.limit_left(p_run => v_before), p_now
  )
  returning id into v_run_id;

  update lapse.runs r
  set request_id = net.http_post(
    url => v_url || '/' || p_job,
    body => jsonb_build_object('runId', v_run_id),
    headers => jsonb_build_object('Content-Type', 'application/json', 'x-lapse-secret', v_secret),
    -- The functions answer in milliseconds; a slow one must not hold up the other requests of the project's one batch.
    timeout_milliseconds => 5000
  )
  where r.id = v_run_id;

  return v_run_id;
end;
$$;
comment on function lapse.dispatch(text, text, uuid, timestamptz) is
  'Queues a run: its row and its HTTP request in one transaction. Called by pg_cron.';
