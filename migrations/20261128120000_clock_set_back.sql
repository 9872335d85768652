-- A clock that was set back leaves times in the future. Where they hold something up they are put right before they are read.
--
-- The functions that read them keep their work and get a name of their own; the one that is called puts the times right first. Claims of
-- orders are not among them: an order that a dead run held before the clock was set back is looked at when its time comes.

-- Contract: ends the leases that end too far ahead, and the runs that hold them: a lease is an hour long at the most (jobs.settings), and
-- whoever looks at it may have waited for its row a moment. A run that lives shows an old fence from here on, as after a takeover.
create function jobs.end_future_leases(p_now timestamptz) returns void
language sql
set search_path = ''
as $$
  -- Lease before run, as everywhere. Who holds the row gives a sign of life at this moment, and its lease a new end.
  with ahead as (
    select l.job, l.run_id
    from jobs.leases l
    where l.run_id is not null and l.lease_until > p_now + interval '1 hour 1 minute'
    for update skip locked
  ),
  freed as (
    update jobs.leases l set run_id = null from ahead a where l.job = a.job
  )
  update public.job_runs r
  set status = 'lost', finished_at = p_now, error = 'Its lease is of a clock that was set back'
  from ahead a
  where r.id = a.run_id and r.finished_at is null;
$$;

comment on function jobs.end_future_leases(timestamptz) is 'Ends leases of a clock that was set back, and their runs.';

-- The watch.
alter function jobs.mark_lost_runs(timestamptz) rename to mark_silent_runs;

-- Contract: as jobs.mark_silent_runs, after leases of a clock that was set back.
create function jobs.mark_lost_runs(p_now timestamptz) returns void
language sql
set search_path = ''
as $$
  select jobs.end_future_leases(p_now => p_now);
  select jobs.mark_silent_runs(p_now => p_now);
$$;

comment on function jobs.mark_lost_runs(timestamptz) is
  'Ends runs that never started, stopped giving signs of life, or have a lease of a clock that was set back.';

-- The beginning of a run.
alter function public.jobs_begin_run(uuid, text, text, text, text, boolean, integer, boolean, timestamptz) set schema jobs;
alter function jobs.jobs_begin_run(uuid, text, text, text, text, boolean, integer, boolean, timestamptz) rename to begin_run;
alter function jobs.begin_run(uuid, text, text, text, text, boolean, integer, boolean, timestamptz) security invoker;
revoke all on function jobs.begin_run(uuid, text, text, text, text, boolean, integer, boolean, timestamptz) from service_role;
comment on function jobs.begin_run(uuid, text, text, text, text, boolean, integer, boolean, timestamptz) is
  'Row, lease and brake of a run; what public.jobs_begin_run calls.';

-- Contract: as jobs.begin_run, after leases of a clock that was set back. A dry run, which takes no lease, ends none.
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
begin
  if not p_dry_run then
    perform jobs.end_future_leases(p_now => p_now);
  end if;
  return jobs.begin_run(
    p_run_id => p_run_id, p_job => p_job, p_trigger => p_trigger, p_requested_by => p_requested_by, p_reason => p_reason,
    p_dry_run => p_dry_run, p_limit => p_limit, p_release_brake => p_release_brake, p_now => p_now
  );
end;
$$;

comment on function public.jobs_begin_run(uuid, text, text, text, text, boolean, integer, boolean, timestamptz) is
  'First call of a run: row, lease and brake. For the Edge Functions (secret key) only.';

-- The call budget.
alter function jobs.lock_budget(boolean, text, timestamptz) rename to recover_budget;
comment on function jobs.recover_budget(boolean, text, timestamptz) is
  'Locks a budget row and recovers its rate; what jobs.lock_budget calls.';

-- Contract: as jobs.recover_budget, after a refusal of a clock that was set back: before its time came no rate would recover, and no refusal
-- would count as a new one. Nobody waits for a row for a minute; nearer ones were reported while this call waited.
create function jobs.lock_budget(p_livemode boolean, p_endpoint text, p_now timestamptz) returns jobs.call_budgets
language sql
set search_path = ''
as $$
  update jobs.call_budgets b
  -- not of this very moment: then the next refusal would be another answer to it
  set rate_at = p_now - interval '2 seconds'
  where b.livemode = p_livemode and b.endpoint = p_endpoint and b.rate_at > p_now + interval '1 minute';
  select jobs.recover_budget(p_livemode => p_livemode, p_endpoint => p_endpoint, p_now => p_now);
$$;

comment on function jobs.lock_budget(boolean, text, timestamptz) is 'Locks a budget row and recovers its rate.';

revoke all on all functions in schema jobs from public;
revoke all on function public.jobs_begin_run(uuid, text, text, text, text, boolean, integer, boolean, timestamptz)
  from public, anon, authenticated;
grant execute on function public.jobs_begin_run(uuid, text, text, text, text, boolean, integer, boolean, timestamptz)
  to service_role;
