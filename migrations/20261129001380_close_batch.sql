-- How many orders without payments one statement closes: as many as fit into half a second, so that no transaction
-- holds the shop's orders for longer.

-- Contract: the size of one statement: settings.close_batch, or fewer where the shop is slow.
create function lapse.close_batch(p_job text) returns integer
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select least(s.close_batch, j.close_batch) from lapse.settings s left join lapse.jobs j on j.job = p_job;
$$;

-- Contract: adjusts that size after a statement, by how long it held how many orders of the shop: half a second at
-- most. Only a full and quick statement shows that a larger one is acceptable.
create function lapse.fit_close_batch(p_job text, p_seconds numeric, p_orders integer) returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  update lapse.jobs j
  set close_batch = case
    when p_seconds > 0.5 then greatest(1, lapse.close_batch(p_job => p_job) / 2)
    when j.close_batch * 2 < s.close_batch then j.close_batch * 2
  end
  from lapse.settings s
  where j.job = p_job and (p_seconds > 0.5 or p_seconds < 0.2 and p_orders >= j.close_batch);
$$;

-- Contract: halves that size after a timeout, and returns the new one.
create function lapse.shrink_close_batch(p_run_id uuid, p_fence bigint, p_now timestamptz default now()) returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_run lapse.runs := lapse.hold_lease(p_run_id => p_run_id, p_fence => p_fence, p_now => p_now);
begin
  perform lapse.fit_close_batch(p_job => v_run.job, p_seconds => 1, p_orders => 0);
  return lapse.close_batch(p_job => v_run.job);
end;
$$;

create function public.lapse_shrink_close_batch(p_run_id uuid, p_fence bigint) returns integer
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
  select lapse.shrink_close_batch(p_run_id => p_run_id, p_fence => p_fence, p_now => now());
$$;

comment on function public.lapse_shrink_close_batch(uuid, bigint) is
  'Halves the number of orders that one statement closes. For the Edge Functions (secret key) only.';
