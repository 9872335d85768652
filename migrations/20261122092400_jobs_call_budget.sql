-- The call budget: how often Lapse may call Stripe, shared by both jobs, manual runs and overlapping isolates.
--
-- Stripe allows 25 calls per second to each endpoint and 100 (live) or 25 (test) per account, and the shop's checkout lives on
-- the same account (docs.stripe.com/rate-limits). The jobs take `stripe_endpoint_rate` per endpoint and half of the account's
-- limit, evenly paced, never in bursts.
--
-- A caller reserves a block of slots ahead: `count` calls, one every `intervalMs`, the first in `startsInMs`. One call to the
-- database thus covers about a hundred calls to Stripe. It may ask for up to 128 and is granted what fits into six seconds at the
-- rate: a slow endpoint's block must not hold the others up for minutes, nor outlive a run. Blocks of one endpoint follow each other; blocks of different endpoints may
-- overlap as long as their rates add up to no more than the account's share.

create table jobs.call_budgets (
  livemode boolean not null,
  endpoint text not null check (endpoint <> ''),
  rate numeric not null,
  rate_at timestamptz not null default '-infinity',
  block_rate numeric not null default 0,
  next_slot_at timestamptz not null default '-infinity',
  paused_until timestamptz not null default '-infinity',
  throttled_total bigint not null default 0,
  primary key (livemode, endpoint)
);

comment on table jobs.call_budgets is 'Rates and reserved slots per Stripe endpoint; the row `account` is the account''s share.';
comment on column jobs.call_budgets.rate is 'Calls per second after the last throttling; grows by one every five clean seconds.';
comment on column jobs.call_budgets.rate_at is 'When `rate` was set.';
comment on column jobs.call_budgets.block_rate is 'Calls per second of the block that ends at next_slot_at.';
comment on column jobs.call_budgets.next_slot_at is 'End of the slots that are reserved already.';
comment on column jobs.call_budgets.throttled_total is 'How often Stripe refused a call for its rate.';

alter table jobs.call_budgets enable row level security;
revoke all on table jobs.call_budgets from public, anon, authenticated, service_role;

-- Contract: makes the row of an endpoint if it is missing and returns it locked, its rate recovered up to now and without times that a
-- clock which was set back has left behind.
create function jobs.lock_budget(p_livemode boolean, p_endpoint text, p_now timestamptz) returns jobs.call_budgets
language plpgsql
set search_path = ''
as $$
declare
  v_limit numeric;
  v_budget jobs.call_budgets;
begin
  select case
    when p_endpoint <> 'account' then s.stripe_endpoint_rate
    when p_livemode then floor(s.stripe_account_limit_live / 2)
    else floor(s.stripe_account_limit_test / 2)
  end into strict v_limit from jobs.settings s;

  insert into jobs.call_budgets (livemode, endpoint, rate) values (p_livemode, p_endpoint, v_limit)
  on conflict do nothing;
  select * into strict v_budget from jobs.call_budgets b
  where b.livemode = p_livemode and b.endpoint = p_endpoint for update;

  -- Nobody reserves or pauses an hour ahead: such a time is of a clock that was set back, and nobody waits for it.
  if v_budget.next_slot_at > p_now + interval '1 hour' then
    v_budget.next_slot_at := p_now;
  end if;
  if v_budget.paused_until > p_now + interval '1 hour' then
    v_budget.paused_until := p_now;
  end if;

  -- Additive increase: one call per second more for every five seconds without a refusal.
  v_budget.rate := case
    when v_budget.rate_at = '-infinity' then v_limit
    else least(v_limit, v_budget.rate + floor(greatest(extract(epoch from p_now - v_budget.rate_at), 0) / 5))
  end;
  return v_budget;
end;
$$;

comment on function jobs.lock_budget(boolean, text, timestamptz) is 'Locks a budget row and recovers its rate.';

create function public.jobs_reserve_calls(
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
    'accountPerSecond', floor(v_account.rate)
  );
end;
$$;

comment on function public.jobs_reserve_calls(boolean, text, integer, timestamptz) is
  'Reserves a block of evenly paced calls to one Stripe endpoint, six seconds long at the most. For the Edge Functions (secret key) only.';

-- Contract: Stripe refused a call for its rate (p_scope `endpoint` or `account`). Halves the rate and pauses for about a second.
-- Refusals that arrive together count as one: they are answers to the same moment.
create function public.jobs_report_throttle(
  p_livemode boolean,
  p_endpoint text,
  p_scope text,
  p_now timestamptz default clock_timestamp()
) returns void
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_endpoint text := case p_scope when 'account' then 'account' else p_endpoint end;
  v_budget jobs.call_budgets;
begin
  if p_scope is null or p_scope not in ('account', 'endpoint') then
    raise exception 'Cannot report a throttled call with this scope: current value is %', p_scope
      using errcode = 'invalid_parameter_value';
  end if;

  -- the same order of locks as a reservation
  perform jobs.lock_budget(p_livemode => p_livemode, p_endpoint => 'account', p_now => p_now);
  v_budget := jobs.lock_budget(p_livemode => p_livemode, p_endpoint => v_endpoint, p_now => p_now);

  update jobs.call_budgets b
  set throttled_total = b.throttled_total + 1,
      rate = case when x.fresh then greatest(v_budget.rate / 2, 1) else b.rate end,
      rate_at = case when x.fresh then p_now else b.rate_at end,
      paused_until = case
        when x.fresh then greatest(v_budget.paused_until, p_now + interval '1 second' * (1 + random() / 2))
        else b.paused_until
      end
  from (select b2.rate_at < p_now - interval '1 second' as fresh
        from jobs.call_budgets b2 where b2.livemode = p_livemode and b2.endpoint = v_endpoint) x
  where b.livemode = p_livemode and b.endpoint = v_endpoint;
end;
$$;

comment on function public.jobs_report_throttle(boolean, text, text, timestamptz) is
  'Slows the call budget down after a refusal for rate. For the Edge Functions (secret key) only.';

revoke all on all functions in schema jobs from public;
revoke all on function
  public.jobs_reserve_calls(boolean, text, integer, timestamptz),
  public.jobs_report_throttle(boolean, text, text, timestamptz)
from public, anon, authenticated;
grant execute on function
  public.jobs_reserve_calls(boolean, text, integer, timestamptz),
  public.jobs_report_throttle(boolean, text, text, timestamptz)
to service_role;
