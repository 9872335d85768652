-- Leases: how a run proves that it still holds its job, and how many runs died in a row.

-- Contract: proves that the run still holds its job's lease, and extends it. Raises LP001 otherwise. A run calls this
-- first in every transaction that changes something. A takeover then waits for the row until that transaction ends,
-- and a run that was taken over finds another fence and changes nothing.
create function lapse.hold_lease(p_run_id uuid, p_fence bigint, p_now timestamptz) returns lapse.runs
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_run lapse.runs;
begin
  update lapse.jobs j
  set lease_until = p_now + s.lease
  from lapse.settings s
  where j.run_id = p_run_id and j.fence = p_fence;
  if not found then
    raise exception 'Cannot continue run %: it lost its lease to %', p_run_id,
      coalesce(
        (select 'run ' || j.run_id from lapse.jobs j join lapse.runs r using (job) where r.id = p_run_id), 'nobody'
      )
      using errcode = 'LP001';
  end if;

  update lapse.runs r set heartbeat_at = p_now where r.id = p_run_id returning * into strict v_run;
  return v_run;
end;
$$;

-- Contract: how many of a job's last runs died in a row, when the first of them began, and when the last was found
-- dead. The sequence ends with a run that finished and left no order due that a dead run may have held. Failed runs,
-- refused runs, dry runs and runs of one order do not count. Only the latest hundred runs that count are read.
create function lapse.deaths_in_a_row(p_job text) returns table (deaths integer, since timestamptz, until timestamptz)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  -- straight from runs_worked_idx
  with latest as (
    select r.status = 'lost' as died, r.started_at, r.finished_at, r.oldest_due_at
    from lapse.runs r
    where r.job = p_job and not r.dry_run and r.ref is null and r.started_at is not null
      and r.status in ('succeeded', 'partial', 'lost')
    order by r.created_at desc
    limit 100
  ),
  -- A run that survived ends the sequence if everything that it left due fell due after the earlier deaths had been
  -- detected, because the claims of the dead runs had expired by then.
  last_end as (
    select max(survivor.started_at) as at
    from latest survivor
    where not survivor.died and not exists (
      select from latest dead
      where dead.died and dead.started_at < survivor.started_at and dead.finished_at >= survivor.oldest_due_at
    )
  )
  select count(*)::integer, min(dead.started_at), max(dead.finished_at)
  from latest dead
  cross join last_end e
  where dead.died and dead.started_at > coalesce(e.at, '-infinity');
$$;
