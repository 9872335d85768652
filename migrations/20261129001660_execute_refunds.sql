-- Carrying out refunds: a run takes those that are due, and records Stripe's answers.

-- Whether a run has a refund to carry out now.
create function lapse.refunds_due(p_now timestamptz) returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select exists (select from lapse.refunds r where r.next_attempt_at <= p_now);
$$;

-- Contract: drops refunds of orders that have become paid, and holds those beyond the daily limits, the newest first.
-- The UTC day on which the money was recorded counts, also if the jobs did not run for days. Refunds that an operator
-- released are not held again.
create function lapse.drop_or_hold_refunds(p_now timestamptz) returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  update lapse.refunds r
  set status = 'not_needed', ended_at = p_now, next_attempt_at = null, held_since = null,
      error = 'The order is paid by now, so its money stays'
  from lapse.orders o
  where o.ref = r.ref and o.status = 'paid' and r.reason = 'order_expired' and r.status = 'queued' and r.attempts = 0
    and (r.next_attempt_at <= p_now or r.held_since is not null);

  update lapse.refunds r
  set held_since = p_now, next_attempt_at = null
  from (
    select t.id,
      count(*) over (partition by t.day order by t.created_at, t.id) as refunds,
      sum(coalesce(t.amount, 0)) over (partition by t.day, t.currency order by t.created_at, t.id) as total
    from (
      select q.*, date_trunc('day', q.created_at, 'UTC') as day
      from lapse.refunds q
      where q.held_since is null and q.status not in ('failed', 'not_needed')
        -- from the first day with a refund that could be held
        and q.created_at >= (
          select date_trunc('day', min(n.created_at), 'UTC')
          from lapse.refunds n
          where n.next_attempt_at is not null and n.status = 'queued' and n.attempts = 0 and n.released_by is null
        )
    ) t
  ) x
  cross join lapse.settings s
  where r.id = x.id and r.status = 'queued' and r.attempts = 0 and r.released_by is null
    and (x.refunds > s.refunds_per_day or x.total > s.refunded_per_day);
$$;

-- Contract: takes up to p_limit due refunds for a run and returns them as the functions parse them (DueRefund), those
-- due longest first. If the run dies, another takes them after its lease has expired.
create function lapse.claim_refunds(p_run_id uuid, p_fence bigint, p_limit integer, p_now timestamptz default now()) returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_run lapse.runs := lapse.hold_lease(p_run_id => p_run_id, p_fence => p_fence, p_now => p_now);
  v_taken jsonb;
begin
  perform lapse.drop_or_hold_refunds(p_now => p_now);
  with due as (
    select r.id from lapse.refunds r
    where r.next_attempt_at <= p_now
    order by r.next_attempt_at, r.id
    limit p_limit
    for no key update skip locked
  ),
  taken as (
    update lapse.refunds r
    set next_attempt_at = p_now + s.lease, attempts = r.attempts + 1, run_id = v_run.id
    from due d, lapse.settings s
    where r.id = d.id
    returning r.*
  )
  select coalesce(jsonb_agg(jsonb_build_object(
    'id', t.id, 'stripeId', t.stripe_id, 'account', t.account, 'ref', t.ref, 'source', p.source,
    'attempt', t.attempts, 'keyNumber', t.key_number
  ) order by t.created_at, t.id), '[]')
  into v_taken
  from taken t
  join lapse.payments p on p.stripe_id = t.stripe_id;
  return v_taken;
end;
$$;

-- Contract: records the result of one attempt, {"outcome", "intent", "refundId", "amount", "currency",
-- "amountRefunded", "newKey", "error"}; `outcome` is
--   succeeded  the money is on its way back, by this refund or by another one
--   pending    a bank decides: asked again in a day
--   refused    Stripe refused this call for good: retried with another key, at most four times
--   retry      the outcome is unknown, or the call was not sent: retried, with the same key unless `newKey` is true
--   failed     no further attempt can help: an operator decides
-- `amountRefunded` is the payment's total refunded amount at Stripe. Returns whether the result was recorded; that of
-- an earlier attempt is not. Raises 22023 for anything else.
create function lapse.record_refund(
  p_run_id uuid, p_fence bigint, p_id uuid, p_attempt integer, p_result jsonb, p_now timestamptz default now()
) returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_run lapse.runs := lapse.hold_lease(p_run_id => p_run_id, p_fence => p_fence, p_now => p_now);
  v_settings lapse.settings := (select s from lapse.settings s);
  v_outcome text := p_result ->> 'outcome';
  v_refund lapse.refunds;
begin
  if coalesce(v_outcome not in ('succeeded', 'pending', 'refused', 'retry', 'failed'), true) then
    raise exception 'Cannot record refund %: its outcome is %', p_id, coalesce(v_outcome, 'null') using errcode = '22023';
  end if;
  -- The order first, then payments, as everywhere: the payment, and the other one of a session and its intent.
  perform from lapse.orders o where o.ref = (select r.ref from lapse.refunds r where r.id = p_id) for no key update;
  perform from lapse.payments p
  where p.stripe_id in ((select r.stripe_id from lapse.refunds r where r.id = p_id), p_result ->> 'intent')
  order by p.stripe_id
  for no key update;
  select * into v_refund
  from lapse.refunds r
  where r.id = p_id and r.run_id = v_run.id and r.attempts = p_attempt and r.status in ('queued', 'pending')
  for no key update;
  if not found then
    return false;
  end if;
  if v_outcome = 'refused' and v_refund.key_number >= 4 or v_outcome = 'retry' and v_refund.attempts >= v_settings.max_attempts then
    v_outcome := 'failed';
  end if;

  update lapse.refunds r
  set status = case when v_outcome in ('succeeded', 'failed', 'pending') then v_outcome else r.status end,
      intent = coalesce(p_result ->> 'intent', r.intent),
      refund_id = coalesce(p_result ->> 'refundId', r.refund_id),
      amount = coalesce((p_result ->> 'amount')::bigint, r.amount),
      currency = coalesce(p_result ->> 'currency', r.currency),
      error = p_result ->> 'error',
      key_number = r.key_number + (v_outcome = 'refused' or coalesce((p_result -> 'newKey')::boolean, false))::integer,
      -- a repeated call finds nothing to do
      run_id = null,
      attempts = case when v_outcome = 'pending' then 0 else r.attempts end,
      next_attempt_at = case
        when v_outcome = 'pending' then p_now + interval '1 day'
        when v_outcome in ('refused', 'retry') then lapse.next_attempt(p_failures => r.attempts - 1, p_not_before => null, p_now => p_now)
      end,
      ended_at = case when v_outcome in ('succeeded', 'failed') then p_now end
  where r.id = p_id
  returning * into v_refund;

  if p_result ->> 'amountRefunded' is not null then
    update lapse.payments p
    set evidence = p.evidence || jsonb_build_object('amount_refunded', p_result -> 'amountRefunded'), checked_at = p_now
    where p.stripe_id in (v_refund.stripe_id, v_refund.intent) and p.state = 'paid';
  end if;
  if (p_result ->> 'amountRefunded')::bigint > 0 and v_outcome <> 'failed' then
    perform lapse.resolve_returned_money(p_refs => array[v_refund.ref], p_now => p_now);
  end if;
  if v_outcome = 'failed' then
    perform lapse.raise_alert(
      p_key => 'refund_failed:' || v_refund.ref, p_job => v_run.job, p_severity => 'critical',
      p_message => 'A refund failed',
      p_details => jsonb_build_object(
        'ref', v_refund.ref,
        -- several payments of one order are one alert that names them all
        'payments', coalesce((
          select a.details -> 'payments' from lapse.alerts a
          where a.key = 'refund_failed:' || v_refund.ref and a.resolved_at is null
        ) - v_refund.stripe_id, '[]') || to_jsonb(v_refund.stripe_id), 'amount', v_refund.amount,
        'currency', v_refund.currency, 'cause', v_refund.error
      ),
      p_now => p_now
    );
  end if;
  return true;
end;
$$;

-- Contract: an operator releases refunds that the daily limit held, or retries failed ones with a new key. p_ref is
-- their order; null means all that are held. Returns how many. Raises 22023, PT404 for an order without refunds, PT409
-- if none is held or failed.
create function lapse.release_refunds(
  p_ref text, p_reason text, p_requested_by text, p_now timestamptz default now()
) returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_released integer;
begin
  perform lapse.check_operator(p_what => 'release refunds', p_reason => p_reason, p_requested_by => p_requested_by);
  update lapse.refunds r
  set status = 'queued', held_since = null, next_attempt_at = p_now, ended_at = null, attempts = 0,
      key_number = r.key_number + (r.status = 'failed')::integer,
      released_by = p_requested_by, released_because = p_reason
  where case when p_ref is null then r.held_since is not null
    else r.ref = p_ref and (r.held_since is not null or r.status = 'failed') end;
  get diagnostics v_released = row_count;
  if v_released = 0 and p_ref is not null then
    if exists (select from lapse.refunds r where r.ref = p_ref) then
      raise exception 'Cannot release the refunds of order %: none is held or failed', p_ref using errcode = 'PT409';
    end if;
    raise exception 'Cannot release the refunds of order %: it has none', p_ref using errcode = 'PT404';
  end if;
  return v_released;
end;
$$;

comment on function lapse.release_refunds(text, text, text, timestamptz) is
  'Releases refunds that the daily limit held, or retries failed ones; needs a reason.';

create function public.lapse_claim_refunds(p_run_id uuid, p_fence bigint, p_limit integer) returns jsonb
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
  select lapse.claim_refunds(p_run_id => p_run_id, p_fence => p_fence, p_limit => p_limit, p_now => now());
$$;

comment on function public.lapse_claim_refunds(uuid, bigint, integer) is
  'Takes due refunds for a run. For the Edge Functions (secret key) only.';

create function public.lapse_record_refund(p_run_id uuid, p_fence bigint, p_id uuid, p_attempt integer, p_result jsonb) returns boolean
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
  select lapse.record_refund(
    p_run_id => p_run_id, p_fence => p_fence, p_id => p_id, p_attempt => p_attempt, p_result => p_result, p_now => now()
  );
$$;

comment on function public.lapse_record_refund(uuid, bigint, uuid, integer, jsonb) is
  'Records the result of one attempt at a refund. For the Edge Functions (secret key) only.';

create function public.lapse_release_refunds(p_ref text, p_reason text, p_requested_by text) returns integer
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
  select lapse.release_refunds(p_ref => p_ref, p_reason => p_reason, p_requested_by => p_requested_by, p_now => now());
$$;

comment on function public.lapse_release_refunds(text, text, text) is
  'Releases held refunds, or retries failed ones. For the operator''s tools (secret key) only.';
