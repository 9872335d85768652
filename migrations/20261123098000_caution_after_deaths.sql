-- A run that died may have been killed by one of the orders it held: too large an answer, a fault of the runtime. Claims that lapse
-- count as failed attempts of every order in them, and after max_attempts an order is set aside. Without caution, two hundred orders
-- would be set aside together with the one that kills.
--
-- So the runs that follow a death hold fewer orders: a quarter after each death in a row, one batch at a time. After three or four
-- deaths the one that kills is alone, and the others are expired long before their attempts are used up.

-- Contract: how many runs of a job died in a row, up to now. One that came to its end in time ends the row. Failed runs, those that did not
-- work, dry runs and runs of one order say nothing. No more than the latest twenty runs are looked at.
create function jobs.deaths_in_a_row(p_job text) returns integer
language sql stable
set search_path = ''
as $$
  -- straight from the index on job and created_at
  with latest as (
    select r.status, r.started_at, r.dry_run, r.order_id, r.created_at
    from public.job_runs r
    where r.job = p_job
    order by r.created_at desc
    limit 20
  ),
  -- those that held orders, or could have, and whose end is known
  worked as (
    select l.status = 'lost' as died, l.created_at
    from latest l
    where not l.dry_run and l.order_id is null and l.started_at is not null and l.status in ('succeeded', 'partial', 'lost')
  )
  select count(*)::integer
  from worked w
  where w.created_at > coalesce((select max(e.created_at) from worked e where not e.died), '-infinity');
$$;

comment on function jobs.deaths_in_a_row(text) is 'How many runs of a job died one after the other, up to now.';

-- Contract: the settings a run needs, as JSON for the functions, intervals in seconds; null when the row is gone. After deaths in a row
-- `claimBatch` is smaller than the setting, and there is one batch at a time.
create or replace function jobs.settings_json() returns jsonb
language sql stable
set search_path = ''
as $$
  select jsonb_build_object(
    'runSeconds', s.run_seconds,
    'claimSeconds', s.claim_seconds,
    'claimBatch', greatest(1, trunc(s.claim_batch / power(4, d.deaths)))::integer,
    'batchesAtOnce', case when d.deaths = 0 then 2 else 1 end,
    'customerActionGraceSeconds', extract(epoch from s.customer_action_grace),
    'processingRecheckSeconds', extract(epoch from s.processing_recheck),
    'captureRecheckSeconds', extract(epoch from s.capture_recheck),
    'voucherSettleGraceSeconds', extract(epoch from s.voucher_settle_grace),
    'slowMethodWindowSeconds', extract(epoch from s.slow_method_window)
  )
  from jobs.settings s
  -- the only job that claims
  cross join jobs.deaths_in_a_row(p_job => 'expire-stale-orders') d (deaths);
$$;

comment on column jobs.settings.claim_batch is 'Orders with payments that a run claims at a time; fewer after runs that died.';

revoke all on all functions in schema jobs from public;
