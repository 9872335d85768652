-- Retention: what has become old is deleted, each kind after a time of its own, a batch at a time.
--
-- A decision is kept at least as long as its run, so that the counters of every run that is still there can be counted again from its
-- decisions; after that the run's totals live on in job_metrics. Orders and payments are the shop's and are never deleted.

alter table jobs.settings
  add column keep_cron_history interval not null default interval '7 days' check (keep_cron_history >= interval '1 hour'),
  add column keep_runs interval not null default interval '90 days' check (keep_runs >= interval '8 days'),
  add column keep_decisions interval not null default interval '180 days' check (keep_decisions >= interval '1 day'),
  add column keep_alerts interval not null default interval '180 days' check (keep_alerts >= interval '1 day'),
  -- Longer than any catch-up, or a slot could be claimed twice.
  add column keep_slots interval not null default interval '400 days' check (keep_slots >= interval '14 days'),
  add column retention_batch integer not null default 10000 check (retention_batch between 1 and 100000);

comment on column jobs.settings.keep_cron_history is 'How long cron.job_run_details are kept; pg_cron itself never deletes them.';
comment on column jobs.settings.keep_runs is 'How long runs are kept after their end.';
comment on column jobs.settings.keep_decisions is 'How long decisions are kept; at least as long as their run.';
comment on column jobs.settings.keep_alerts is 'How long alerts are kept after they were resolved. Open ones stay.';
comment on column jobs.settings.keep_slots is 'How long claimed weekly slots are kept.';
comment on column jobs.settings.retention_batch is 'Most rows of one table that one call deletes, so that it never holds its locks for long.';

-- The two functions below look at the oldest rows only, in the order of their growing keys: no index on time is needed, and a call that finds
-- nothing old costs one batch of the primary key.

-- A row whose connection failed has no time of its own; it is at least as old as the rows after it.
create function jobs.retain_cron_history(p_before timestamptz, p_batch integer) returns bigint
language sql
set search_path = ''
as $$
  with oldest as (
    select d.runid, min(coalesce(d.end_time, d.start_time)) over (order by d.runid desc) as ended_at
    from (select * from cron.job_run_details order by runid limit p_batch) d
  ),
  deleted as (
    delete from cron.job_run_details d using oldest o where d.runid = o.runid and o.ended_at < p_before
    returning 1
  )
  select count(*) from deleted;
$$;

create function jobs.retain_decisions(p_before timestamptz, p_batch integer) returns bigint
language sql
set search_path = ''
as $$
  with oldest as (
    select d.id, d.run_id, d.decided_at from public.job_decisions d order by d.id limit p_batch
  ),
  deleted as (
    delete from public.job_decisions d using oldest o
    where d.id = o.id and o.decided_at < p_before and not exists (select from public.job_runs r where r.id = o.run_id)
    returning 1
  )
  select count(*) from deleted;
$$;

-- Contract: deletes up to one batch of what is old from each table, and answers how many rows that were. pg_cron calls it every ten minutes.
create function jobs.retain(p_now timestamptz default now()) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_settings jobs.settings := jobs.watch_settings();
  v_runs bigint;
  v_alerts bigint;
  v_slots bigint;
begin
  delete from public.job_runs r
  where r.id in (
    select o.id from public.job_runs o where o.finished_at < p_now - v_settings.keep_runs limit v_settings.retention_batch
  );
  get diagnostics v_runs = row_count;

  delete from public.job_alerts a
  where a.id in (
    select o.id from public.job_alerts o where o.resolved_at < p_now - v_settings.keep_alerts limit v_settings.retention_batch
  );
  get diagnostics v_alerts = row_count;

  delete from jobs.schedule_slots s where s.slot_at < p_now - v_settings.keep_slots;
  get diagnostics v_slots = row_count;

  return jsonb_build_object(
    'cronHistory', jobs.retain_cron_history(p_before => p_now - v_settings.keep_cron_history, p_batch => v_settings.retention_batch),
    'runs', v_runs,
    'decisions', jobs.retain_decisions(p_before => p_now - v_settings.keep_decisions, p_batch => v_settings.retention_batch),
    'alerts', v_alerts,
    'slots', v_slots
  );
end;
$$;

comment on function jobs.retain_cron_history(timestamptz, integer) is 'Deletes old rows of cron.job_run_details.';
comment on function jobs.retain_decisions(timestamptz, integer) is 'Deletes old decisions whose run is gone.';
comment on function jobs.retain(timestamptz) is 'Deletes what is older than its setting, a batch at a time. What pg_cron calls.';

revoke all on all functions in schema jobs from public;
