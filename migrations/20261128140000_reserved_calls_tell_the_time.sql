-- A block is told as "so long from now on", and a caller could only guess when that now was: a reservation may wait for a connection
-- of PostgREST's pool before it is executed, and its answer may come late. A block that was counted from the question then began
-- before the one that the database meant, and overlapped another isolate's.

-- Contract: as before, and the answer tells `now`, from which `startsInMs` counts. Callers that do not know it refuse the answer:
-- deploy the functions first.
create or replace function public.jobs_reserve_calls(
  p_livemode boolean,
  p_endpoint text,
  p_count integer,
  p_now timestamptz default clock_timestamp()
) returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  -- Slots are this much further apart than the rate asks for, so that two calls which reach Stripe up to 28 ms closer together
  -- than they left still fit into the second.
  c_margin constant numeric := 1.028;
  c_block_seconds constant numeric := 6;
  v_account jobs.call_budgets;
  v_budget jobs.call_budgets;
  v_start timestamptz;
  v_taken record;
  v_rate numeric;
  v_count integer;
  v_end timestamptz;
begin
  if p_endpoint = 'account' then
    raise exception 'Cannot reserve calls to this endpoint: current value is %', p_endpoint
      using errcode = 'invalid_parameter_value';
  end if;
  if p_count is null or p_count not between 1 and 128 then
    raise exception 'Cannot reserve calls in a block of this size: current value is %', p_count
      using errcode = 'invalid_parameter_value';
  end if;

  -- The account's row comes first for everybody: it makes reservations take turns, so that none overlooks another.
  v_account := jobs.lock_budget(p_livemode => p_livemode, p_endpoint => 'account', p_now => p_now);
  v_budget := jobs.lock_budget(p_livemode => p_livemode, p_endpoint => p_endpoint, p_now => p_now);
  v_start := greatest(p_now, v_budget.next_slot_at, v_budget.paused_until, v_account.paused_until);

  -- Wait for the first moment at which the other endpoints leave at least one call per second of the account's share.
  loop
    select coalesce(sum(b.block_rate), 0) as rate, min(b.next_slot_at) as first_end into v_taken
    from jobs.call_budgets b
    where b.livemode = p_livemode and b.endpoint not in (p_endpoint, 'account') and b.next_slot_at > v_start
      and b.next_slot_at <= p_now + interval '1 hour';
    exit when v_account.rate - v_taken.rate >= 1 or v_taken.first_end is null;
    v_start := v_taken.first_end;
  end loop;

  v_rate := greatest(least(v_budget.rate, v_account.rate - v_taken.rate), 1);
  v_count := least(p_count, greatest(1, floor(c_block_seconds * v_rate / c_margin)));
  v_end := v_start + make_interval(secs => v_count * c_margin / v_rate);

  update jobs.call_budgets b
  -- An earlier block of this endpoint may still be running at a higher rate: count the higher one until both are over.
  set block_rate = case when v_budget.next_slot_at > p_now then greatest(b.block_rate, v_rate) else v_rate end,
      next_slot_at = v_end
  where b.livemode = p_livemode and b.endpoint = p_endpoint;

  return jsonb_build_object(
    'count', v_count,
    'startsInMs', extract(epoch from v_start - p_now) * 1000,
    'intervalMs', 1000 * c_margin / v_rate,
    'perSecond', floor(v_rate),
    'accountPerSecond', floor(v_account.rate),
    'now', p_now
  );
end;
$$;

comment on function public.jobs_reserve_calls(boolean, text, integer, timestamptz) is
  'Reserves a block of evenly paced calls to one Stripe endpoint, six seconds long at the most. For the Edge Functions (secret key) only.';
