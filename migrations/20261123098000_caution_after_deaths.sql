-- A run that died may have been killed by one of the orders it held: too large an answer, a fault of the runtime. Claims that lapse
-- count as failed attempts of every order in them, and after max_attempts an order is set aside. Without caution, two hundred orders
-- would be set aside together with the one that kills.
--
-- So after a death the orders that the dead run may have held are claimed apart from all others and fewer at a time: a quarter after each
-- death in a row. After three or four deaths the one that kills is alone, and the others are expired long before their attempts are
-- used up. What was due before the first of the dead began goes first, and what fell due since the last of them was found dead comes last,
-- both as many at a time as ever. What fell due between the two, nobody can tell from what they held: it is claimed like that.

-- The runs that say something of deaths, as jobs.deaths_in_a_row reads them: among many that were skipped there may be few.
create index job_runs_worked_idx on public.job_runs (job, created_at desc)
  where status in ('succeeded', 'partial', 'lost') and not dry_run and order_id is null and started_at is not null;

-- Contract: how many runs of a job died in a row, up to now, when the first of them began and when the last of them was found dead. The row
-- goes on until a run came to its end and left no order due that one of the dead may have held. Failed runs, those that did not work, dry
-- runs and runs of one order say nothing. No more than the latest hundred runs that count are looked at.
create function jobs.deaths_in_a_row(p_job text) returns table (deaths integer, since timestamptz, until timestamptz)
language sql stable
set search_path = ''
as $$
  -- straight from the index of those that count
  with latest as (
    select r.status = 'lost' as died, r.started_at, r.finished_at, r.oldest_due_at
    from public.job_runs r
    where r.job = p_job and not r.dry_run and r.order_id is null and r.started_at is not null
      and r.status in ('succeeded', 'partial', 'lost')
    order by r.created_at desc
    limit 100
  ),
  -- A survivor ends the row if everything it left due fell due after the last death before it was marked: by then the claims had lapsed.
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

comment on function jobs.deaths_in_a_row(text) is 'How many runs of a job died one after the other, up to now, since when and until when.';

-- Contract: the next claim of a run that is not restricted to one order, as jobs.shop_claim returns it; empty when nothing is due.
create function jobs.claim_next(p_run_id uuid, p_limit integer, p_now timestamptz) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_settings jobs.settings;
  v_dead record;
  v_until timestamptz;
  v_claimed jsonb;
begin
  select * into strict v_settings from jobs.settings;
  v_until := p_now + v_settings.lease;
  -- the only job that claims
  select d.deaths, d.since, d.until into v_dead from jobs.deaths_in_a_row(p_job => 'expire-stale-orders') d;

  if v_dead.deaths > 0 then
    -- A claim moves the time at which its orders are due: what was due before the first of the dead began, none of them held.
    v_claimed := jobs.shop_claim(
      p_run_id => p_run_id, p_now => least(p_now, v_dead.since), p_until => v_until, p_limit => p_limit
    );
    if v_claimed <> '[]' then
      return v_claimed;
    end if;

    -- A run is found dead once its claims have lapsed: what it held is due since then.
    v_claimed := jobs.shop_claim(
      p_run_id => p_run_id, p_now => least(p_now, v_dead.until), p_until => v_until,
      p_limit => least(p_limit, greatest(1, trunc(v_settings.claim_batch / power(4, v_dead.deaths))::integer))
    );
    if v_claimed <> '[]' then
      return v_claimed;
    end if;
  end if;
  return jobs.shop_claim(p_run_id => p_run_id, p_now => p_now, p_until => v_until, p_limit => p_limit);
end;
$$;

comment on function jobs.claim_next(uuid, integer, timestamptz) is
  'Claims what is due; after runs that died, fewer at a time of what they may have held.';

-- Contract: claims due orders with payments, oldest first, and returns them as a JSON list; fewer than asked for after runs that died.
-- Orders whose claim lapsed once too often are quarantined here instead: whatever kills the runs that touch them must not go on. An empty
-- list says that nothing else is due: a claim of hopeless orders alone is followed by another. Not for ever, for one call must not take
-- minutes: what the last of a hundred such claims took is handed out all the same, once more.
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
  c_turns constant integer := 100;
  v_run public.job_runs := jobs.hold_lease(p_run_id => p_run_id, p_fence => p_fence, p_now => p_now);
  v_settings jobs.settings;
  v_turn integer := 0;
  v_claimed jsonb;
  v_hopeless jsonb;
  v_others jsonb;
begin
  select * into strict v_settings from jobs.settings;
  loop
    v_turn := v_turn + 1;
    v_claimed := case
      when v_run.order_id is null then jobs.claim_next(p_run_id => p_run_id, p_limit => coalesce(p_limit, 0), p_now => p_now)
      else jobs.shop_claim_order(
        p_run_id => p_run_id, p_order_id => v_run.order_id, p_now => p_now, p_until => p_now + v_settings.lease
      )
    end;

    select
      jsonb_agg(jsonb_build_object(
        'orderId', c -> 'id', 'attempt', c -> 'attempt', 'outcome', 'quarantined', 'reason', 'claim_lapsed', 'payments', '[]'::jsonb
      )) filter (where x.hopeless),
      jsonb_agg(c) filter (where not x.hopeless)
    into v_hopeless, v_others
    from jsonb_array_elements(v_claimed) c
    cross join lateral (select (c ->> 'failures')::integer >= v_settings.max_attempts as hopeless) x;
    if v_hopeless is null or v_others is null and v_turn = c_turns then
      return v_claimed;
    end if;

    perform jobs.record_decisions(
      p_run => v_run,
      p_decisions => jobs.shop_settle(p_run_id => p_run_id, p_decisions => v_hopeless, p_now => p_now),
      p_now => p_now
    );
    if v_others is not null then
      return v_others;
    end if;
  end loop;
end;
$$;

-- Contract: the settings a run needs, as JSON for the functions, intervals in seconds; null when the row is gone. After deaths in a row
-- there is one batch at a time, or two suspects would die together again and again.
create or replace function jobs.settings_json() returns jsonb
language sql stable
set search_path = ''
as $$
  select jsonb_build_object(
    'runSeconds', s.run_seconds,
    'claimSeconds', s.claim_seconds,
    'claimBatch', s.claim_batch,
    'batchesAtOnce', case when d.deaths = 0 then 2 else 1 end,
    'customerActionGraceSeconds', extract(epoch from s.customer_action_grace),
    'processingRecheckSeconds', extract(epoch from s.processing_recheck),
    'captureRecheckSeconds', extract(epoch from s.capture_recheck),
    'voucherSettleGraceSeconds', extract(epoch from s.voucher_settle_grace),
    'slowMethodWindowSeconds', extract(epoch from s.slow_method_window)
  )
  from jobs.settings s
  cross join jobs.deaths_in_a_row(p_job => 'expire-stale-orders') d;
$$;

comment on column jobs.settings.claim_batch is
  'Orders with payments that a run claims at a time; fewer of those that a run may have held that died.';

revoke all on all functions in schema jobs from public;
