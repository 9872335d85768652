-- Orders without payments are closed set-based, and one that a trigger of the shop refuses to close undoes the closing of all of them. The
-- run then claims them one by one and settles them as it settles orders with payments: the one that is refused alone is a failed attempt,
-- which backs off and is set aside in the end, and the others are closed.

-- Contract: claims up to p_limit of the due orders without payments, oldest first, and returns them as jobs_claim_orders does. It looks at
-- the 10,000 oldest due orders of both kinds; a run that closes those finds the ones behind them. An order that somebody works on is
-- left out. A payment attached just before the claim got the lock is in the list, as the order's own. A run restricted to one order
-- claims that order with jobs_claim_orders, and gets none here.
create function public.jobs_claim_without_payments(
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
  v_run public.job_runs := jobs.hold_lease(p_run_id => p_run_id, p_fence => p_fence, p_now => p_now);
  v_lease interval := (select s.lease from jobs.settings s);
  v_claimed jsonb := '[]'::jsonb;
  v_order_id uuid;
begin
  if v_run.order_id is not null then
    return v_claimed;
  end if;

  -- A claim of one order waits for its lock, and a run must not stand still for one that somebody else holds. Not before the lease is
  -- held: the other batches of this run may hold that for longer.
  perform set_config('lock_timeout', '20ms', true);
  for v_order_id in
    select (d.o ->> 'id')::uuid
    from jsonb_array_elements(jobs.shop_preview(p_now => p_now, p_limit => 10000)) with ordinality d (o, n)
    where d.o -> 'payments' = '[]'
    order by d.n
  loop
    exit when jsonb_array_length(v_claimed) >= coalesce(p_limit, 0);
    begin
      v_claimed := v_claimed || jobs.shop_claim_order(
        p_run_id => p_run_id, p_order_id => v_order_id, p_now => p_now, p_until => p_now + v_lease
      );
    exception
      when lock_not_available then
        -- left out
    end;
  end loop;
  return v_claimed;
end;
$$;

comment on function public.jobs_claim_without_payments(uuid, bigint, integer, timestamptz) is
  'Claims due orders without payments for a limited time, when they could not be closed set-based.';

revoke all on function public.jobs_claim_without_payments(uuid, bigint, integer, timestamptz) from public, anon, authenticated;
grant execute on function public.jobs_claim_without_payments(uuid, bigint, integer, timestamptz) to service_role;
