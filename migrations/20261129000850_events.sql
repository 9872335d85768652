-- Stripe's events: what lapse-webhook asks before it reads a payment, and what it records afterwards.
--
-- An event is a hint, never evidence: Stripe repeats events, loses some, and does not guarantee their order. So each
-- event leads to a read of its payment. One transaction records the result and the event's id. A crash in between
-- loses nothing, because Stripe delivers the event again.

create table lapse.events (
  id text collate "C" primary key check (id <> '' and length(id) <= 255),
  type text not null,
  received_at timestamptz not null
);

create index events_received_idx on lapse.events (received_at);

comment on table lapse.events is 'Recorded events of Stripe, so that a repeated one changes nothing.';
comment on column lapse.events.id is 'Id of the event: evt_….';
comment on column lapse.events.type is 'Type of the event, for example payment_intent.succeeded.';
comment on column lapse.events.received_at is 'When it was recorded.';

-- The webhook's pace, for all of its workers together: when its next turn is free.
create table lapse.webhook_pace (
  only_row boolean primary key default true check (only_row),
  free_at timestamptz not null default '-infinity'
);
insert into lapse.webhook_pace default values;

comment on table lapse.webhook_pace is 'When the webhook''s next turn at Stripe is free: exactly one row.';
comment on column lapse.webhook_pace.only_row is 'Always true.';
comment on column lapse.webhook_pace.free_at is 'When the next turn is free.';

-- Contract: takes turns at Stripe for this many payments and returns how long to wait for them. Takes none and returns
-- null if the wait would be too long for a customer and for Stripe. Also takes or renews the webhook's share of the
-- pace.
create function lapse.take_turns(p_turns integer, p_livemode boolean, p_now timestamptz) returns interval
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_share numeric;
  v_turn interval;
  v_wait interval;
begin
  -- Runs read the shares when they begin and when they settle: it lasts as long as a run.
  v_share := lapse.take_share(p_caller => 'webhook', p_livemode => p_livemode, p_until => p_now + interval '1 minute');
  v_turn := make_interval(secs => 1 / v_share::double precision);
  update lapse.webhook_pace w
  set free_at = p_turns * v_turn + case
    -- of a clock that was set back
    when w.free_at > p_now + interval '1 minute' then p_now
    -- A session and its intent come together: two turns at once.
    else greatest(w.free_at, p_now - v_turn)
  end
  where w.only_row and (w.free_at <= p_now + interval '3 seconds' or w.free_at > p_now + interval '1 minute')
  returning greatest(w.free_at - p_turns * v_turn - p_now, interval '0') into v_wait;
  return v_wait;
end;
$$;

-- Whether events of this type say that a payment ended.
create function lapse.is_end(p_type text) returns boolean
language sql immutable
set search_path = pg_catalog, pg_temp
as $$ select p_type in ('payment_intent.canceled', 'checkout.session.expired') $$;

-- Whether events of this type are about a refund or a dispute.
create function lapse.is_about_return(p_type text) returns boolean
language sql immutable
set search_path = pg_catalog, pg_temp
as $$ select p_type ~ '^(refund\.|charge\.refund|charge\.dispute\.)' $$;

-- find_payment: whether a payment that an event names must be read.
--
-- p_stripe_id is the payment that the event names; null if only Stripe knows which payment a refund or a dispute
-- concerns. p_marks are the payment's values that name its order, {"metadata", "client_reference_id"}, as the event
-- has them; null if it does not have them. p_has_turn: the caller has asked Stripe already. Returns {"answer", "now"}
-- with
--   repeated   the event was recorded before
--   nothing    no order here has the payment, or there is nothing new to learn about it; `why` says which
--   locked     the shop holds the order, which the ledger does not know yet: ask again
--   unknown    neither ledger nor shop knows the order, and the payment is recent: the shop may commit its order later
--   postponed  the webhook has used up its share; an order past its deadline is due at once, others wait for it
--   read       read `stripeId`, in `waitSeconds`: with `order` (null: only its metadata can say), `settings`,
--              `paymentsPerSecond`. Of an intent whose session is recorded, that is the session.
-- A payment belongs to the order that it was attached to, otherwise to the one it names. A payment that was never
-- attached counts only on the order's own account, because the owner of another account could write any metadata.
-- Raises 22023 for a text that is not an id.
create function lapse.find_payment(
  p_event_id text,
  p_type text,
  p_livemode boolean,
  p_account text,
  p_stripe_id text,
  p_marks jsonb,
  p_created_at timestamptz,
  p_has_turn boolean,
  p_now timestamptz default now()
) returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_settings lapse.settings := (select s from lapse.settings s);
  v_return boolean := lapse.is_about_return(p_type => p_type);
  v_payment lapse.payments;
  v_order lapse.orders;
  v_ref text;
  v_shop text;
  v_wait interval;
begin
  if p_stripe_id is not null then
    perform lapse.check_stripe_id(p_stripe_id => p_stripe_id, p_account => p_account);
  end if;
  if exists (select from lapse.events e where e.id = p_event_id) then
    return jsonb_build_object('answer', 'repeated', 'now', p_now);
  end if;

  select * into v_payment from lapse.payments p where p.stripe_id = p_stripe_id;
  if p_stripe_id is not null and v_payment.ref is null and v_return then
    select * into v_payment from lapse.payments p where p.evidence ->> 'intent' = p_stripe_id and p.evidence ? 'intent';
    if v_payment.ref is null then
      return jsonb_build_object('answer', 'nothing', 'why', 'unknown_payment', 'now', p_now);
    end if;
  end if;
  if v_payment.state = 'paid' and not v_return or v_payment.state = 'dead' and lapse.is_end(p_type => p_type) then
    return jsonb_build_object('answer', 'nothing', 'why', 'known', 'now', p_now);
  elsif v_payment.account <> coalesce(p_account, '') then
    return jsonb_build_object('answer', 'nothing', 'why', 'other_account', 'now', p_now);
  end if;

  v_ref := coalesce(
    v_payment.ref, nullif(p_marks #>> array['metadata', v_settings.metadata_key], ''), nullif(p_marks ->> 'client_reference_id', '')
  );
  if p_marks is not null or v_payment.ref is not null then
    if v_ref is null or length(v_ref) > 500 then
      return jsonb_build_object('answer', 'nothing', 'why', 'names_no_order', 'now', p_now);
    elsif v_payment.ref is null and lapse.is_end(p_type => p_type) then
      return jsonb_build_object('answer', 'nothing', 'why', 'ended_unattached', 'now', p_now);
    end if;
    v_ref := lapse.known_ref(p_ref => v_ref);
    perform lapse.fold_inbox(p_refs => array[v_ref], p_now => p_now);
    select * into v_order from lapse.orders o where o.ref = v_ref;
    if v_order.ref is null or v_order.status = 'unknown' then
      select s.state into v_shop from lapse.lock_shop_orders(p_refs => array[v_ref], p_wait => false) s;
      if v_shop is null then
        return jsonb_build_object('answer', 'locked', 'now', p_now);
      elsif v_shop = 'gone' then
        -- The payment names an unknown order: the list records it, and the clean-up inspects it once it is stale.
        return jsonb_build_object('now', p_now, 'why', 'order_absent', 'answer', case
          when p_created_at > p_now - v_settings.stale_age then 'unknown' else 'nothing'
        end);
      end if;
      perform lapse.know_order(p_ref => v_ref, p_shop => v_shop, p_now => p_now);
      select * into v_order from lapse.orders o where o.ref = v_ref;
    end if;
    if v_payment.ref is null and v_order.account <> coalesce(p_account, '') then
      return jsonb_build_object('answer', 'nothing', 'why', 'other_account', 'now', p_now);
    elsif lapse.is_end(p_type => p_type) and v_order.run_id is not null then
      -- Most likely this run cancelled it, and the run records that itself.
      return jsonb_build_object('answer', 'nothing', 'why', 'run_decides', 'now', p_now);
    end if;
  elsif p_account <> '' and not exists (select from lapse.list_cursors c where c.account = p_account) then
    return jsonb_build_object('answer', 'nothing', 'why', 'other_account', 'now', p_now);
  end if;

  -- Last, because it blocks every other event from here to the commit.
  v_wait := case
    when p_has_turn then interval '0' else lapse.take_turns(p_turns => 1, p_livemode => p_livemode, p_now => p_now)
  end;
  if v_wait is null then
    update lapse.orders o
    set next_check_at = p_now
    where o.ref = v_order.ref and o.run_id is null and o.next_check_at > p_now
      and (o.status <> 'pending' or greatest(o.deadline, o.hold_until) + v_settings.grace <= p_now);
    return jsonb_build_object('answer', 'postponed', 'now', p_now);
  end if;
  return jsonb_build_object(
    'answer', 'read', 'now', p_now, 'waitSeconds', extract(epoch from v_wait),
    'stripeId', coalesce(v_payment.stripe_id, p_stripe_id),
    'order', lapse.claimed_orders(p_refs => array[v_order.ref]) -> 0,
    'settings', lapse.settings_json(),
    'paymentsPerSecond', (select s.per_second from lapse.pace_shares s where s.caller = 'webhook')
  );
end;
$$;

-- Contract: writes Stripe's answer about a recorded payment. A dead payment stays dead. A paid one gains evidence; it
-- is dead if it was refunded in full before its order was settled (p_settled). An intent keeps its session, and a
-- payment keeps the time since which it has been processing.
create function lapse.record_answer(
  p_stripe_id text, p_state text, p_reason text, p_evidence jsonb, p_settled boolean, p_now timestamptz
) returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  update lapse.payments p
  set state = case when p.state = 'paid' and not x.is_dead then p.state when p_state = 'dead' then 'dead' else p.state end,
      reason = case when p.state = 'open' or x.is_dead then p_reason else p.reason end,
      evidence = case
        when p.state = 'paid' then p.evidence || p_evidence
        else jsonb_strip_nulls(jsonb_build_object(
          'intent', p.evidence -> 'intent',
          'session', p.evidence -> 'session',
          'processing_since', case
            when 'processing' in (p_evidence ->> 'status', p_evidence ->> 'intent_status')
              then coalesce(p.evidence -> 'processing_since', to_jsonb(p_now))
          end
        )) || p_evidence
      end,
      checked_at = p_now,
      closed_at = case when x.is_dead then p_now else p.closed_at end
  from lapse.payments o
  cross join lateral (
    select p_state = 'dead' and (o.state = 'open' or o.state = 'paid' and p_reason = 'refunded' and not p_settled) as is_dead
  ) x
  where p.stripe_id = p_stripe_id and o.stripe_id = p_stripe_id
    and (p.state = 'open' or p.state = 'paid' and (p_state = 'paid' or (p_evidence -> 'amount_received')::bigint > 0));
$$;

-- record_event: records Stripe's answer about a payment that an event named, with the event's id, in one transaction.
--
-- p_payment is {"ref", "stripeId", "account", "state" (open, paid, dead), "reason", "evidence", "holdUntil", "askedAt"}.
-- Without p_event_id no event named the payment: it was read along with another one. Money settles its order at once,
-- as in lapse.mark_paid. A payment that can never be paid is recorded, and its order still waits for its deadline. Any
-- other payment is recorded, and holdUntil, the expiry of the customer's voucher, postpones the order. While a run
-- holds the order, no payment is recorded as dead, because the run records the payments that it cancels. Returns
-- {"result", "waitSeconds", "order"}: repeated; recorded; nothing; outdated, if Stripe must be asked again; or a result
-- of lapse.mark_paid. `order` is set when the order is paid, other payments of it may still be paid, and there are
-- turns to cancel them now; payments that are not cancelled are due for the next run. Raises 22023, PT404, PT409, LP002
-- and LP010 as lapse.mark_paid does.
create function lapse.record_event(
  p_event_id text,
  p_type text,
  p_livemode boolean,
  p_payment jsonb,
  p_now timestamptz default now()
) returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_ref text := lapse.known_ref(p_ref => p_payment ->> 'ref');
  v_id text := p_payment ->> 'stripeId';
  v_state text := p_payment ->> 'state';
  v_evidence jsonb := coalesce(nullif(p_payment -> 'evidence', 'null'), '{}');
  v_shop text;
  v_order lapse.orders;
  v_before lapse.payments;
  v_result text := 'recorded';
  v_open integer;
  v_wait interval;
begin
  perform lapse.check_stripe_id(p_stripe_id => v_id, p_account => p_payment ->> 'account');
  if coalesce(v_state not in ('open', 'paid', 'dead'), true) or v_ref is null then
    raise exception 'Cannot record Stripe''s answer about %: it has no ref or no known state', v_id using errcode = '22023';
  end if;
  if p_event_id is not null then
    insert into lapse.events (id, type, received_at) values (p_event_id, p_type, p_now) on conflict (id) do nothing;
    if not found then
      return jsonb_build_object('result', 'repeated', 'waitSeconds', 0, 'order', null);
    end if;
  end if;

  select s.state into v_shop from lapse.lock_shop_orders(p_refs => array[v_ref], p_wait => true) s;
  perform lapse.fold_inbox(p_refs => array[v_ref], p_now => p_now);
  select * into v_order from lapse.orders o where o.ref = v_ref for no key update;
  if v_order.ref is null or v_order.status = 'unknown' then
    perform lapse.know_order(p_ref => v_ref, p_shop => v_shop, p_now => p_now);
    select * into v_order from lapse.orders o where o.ref = v_ref for no key update;
    if v_order.ref is null or v_order.status = 'unknown' then
      raise exception 'Cannot record payment % of order %: there is no such order', v_id, v_ref using errcode = 'PT404';
    end if;
  end if;

  select * into v_before from lapse.payments p where p.stripe_id = v_id for no key update;
  if v_before.ref <> v_ref then
    raise exception 'Cannot record payment % of order %: it belongs to order %', v_id, v_ref, v_before.ref using errcode = 'PT409';
  end if;
  -- Stripe was asked before the refund, and the refund was recorded first. This answer would count the money as kept.
  -- The event's id is deleted, so that the next delivery is not taken for a repetition.
  if v_state = 'paid' and v_before.checked_at >= (p_payment ->> 'askedAt')::timestamptz
    and coalesce((v_before.evidence ->> 'amount_refunded')::bigint, 0) > coalesce((v_evidence ->> 'amount_refunded')::bigint, 0)
  then
    delete from lapse.events e where e.id = p_event_id;
    return jsonb_build_object('result', 'outdated', 'waitSeconds', 0, 'order', null);
  end if;
  if v_state = 'dead' and (v_before.ref is null or v_order.run_id is not null) then
    return jsonb_build_object('result', 'nothing', 'waitSeconds', 0, 'order', null);
  end if;
  perform lapse.record_payments(
    p_refs => array[v_ref], p_stripe_ids => array[v_id], p_accounts => array[p_payment ->> 'account'], p_source => 'list', p_now => p_now
  );
  perform lapse.record_answer(
    p_stripe_id => v_id, p_state => v_state, p_reason => p_payment ->> 'reason', p_evidence => v_evidence,
    p_settled => v_order.status in ('paid', 'expired'), p_now => p_now
  );
  -- A bank decided about a refund, perhaps weeks after Stripe reported it as succeeded. The next run asks for its
  -- status.
  update lapse.refunds r
  set status = 'pending', ended_at = null, next_attempt_at = p_now
  where r.ref = v_ref and (
    r.status = 'pending' and lapse.is_about_return(p_type => p_type) or r.status = 'succeeded' and p_type = 'refund.failed'
  );
  if v_state = 'paid' then
    v_result := lapse.mark_paid(
      p_ref => v_ref, p_stripe_id => v_id, p_account => p_payment ->> 'account',
      p_amount => (v_evidence ->> 'amount_received')::bigint, p_now => p_now
    );
    -- The bank returned a refund after its payment had counted as dead, so the shop has unexpected money.
    if v_result = 'refunded' then
      perform lapse.alert_dead_but_paid(
        p_order => v_order, p_stripe_id => v_id, p_now => p_now,
        p_result => case v_order.status when 'expired' then 'late_payment' when 'paid' then 'paid_twice' else v_result end
      );
    end if;
    -- Stripe was asked, not the shop.
    update lapse.payments p
    set evidence = p.evidence - 'source' || v_evidence,
        reason = case
          when v_before.state = 'paid' then p.reason
          when v_result = 'late_payment' then 'order_expired'
          when v_result in ('paid_twice', 'maybe_paid_twice', 'partly_paid') then v_result
          else 'paid'
        end
    where p.stripe_id = v_id and p.state = 'paid';
    update lapse.orders o set reason = 'paid' where o.ref = v_ref and v_result = 'paid';
  elsif v_state = 'open' and p_payment ->> 'holdUntil' is not null then
    perform lapse.hold_orders(p_refs => array[v_ref], p_until => array[(p_payment ->> 'holdUntil')::timestamptz]);
  end if;
  if v_state <> 'open' then
    perform lapse.resolve_alert(p_key => 'processing_long:' || v_ref, p_now => p_now);
  end if;
  if (v_evidence -> 'amount_refunded')::bigint > 0 then
    perform lapse.resolve_returned_money(p_refs => array[v_ref], p_now => p_now);
  end if;

  -- A closed order is due while one of its payments is open, and done when none is.
  select count(*) into v_open from lapse.payments p where p.ref = v_ref and p.state = 'open';
  if v_open > 0 then
    perform lapse.recheck_leftovers(p_refs => array[v_ref], p_now => p_now);
  else
    update lapse.orders o
    set next_check_at = null
    where o.ref = v_ref and o.status in ('paid', 'expired') and o.run_id is null and o.next_check_at is not null;
  end if;
  if p_event_id is not null and v_state = 'paid' and v_open > 0
    and exists (select from lapse.orders o where o.ref = v_ref and o.status = 'paid')
  then
    v_wait := lapse.take_turns(p_turns => v_open, p_livemode => p_livemode, p_now => p_now);
  end if;
  return jsonb_build_object(
    'result', v_result, 'waitSeconds', coalesce(extract(epoch from v_wait), 0),
    'order', case when v_wait is not null then lapse.claimed_orders(p_refs => array[v_ref]) -> 0 end
  );
end;
$$;

create function public.lapse_find_payment(
  p_event_id text,
  p_type text,
  p_livemode boolean,
  p_account text,
  p_stripe_id text,
  p_marks jsonb,
  p_created_at timestamptz,
  p_has_turn boolean
) returns jsonb
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
  select lapse.find_payment(
    p_event_id => p_event_id, p_type => p_type, p_livemode => p_livemode, p_account => p_account, p_stripe_id => p_stripe_id,
    p_marks => p_marks, p_created_at => p_created_at, p_has_turn => p_has_turn, p_now => now()
  );
$$;

comment on function public.lapse_find_payment(text, text, boolean, text, text, jsonb, timestamptz, boolean) is
  'Whether a payment that an event names must be read. For the Edge Functions (secret key) only.';

create function public.lapse_record_event(p_event_id text, p_type text, p_livemode boolean, p_payment jsonb) returns jsonb
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
  select lapse.record_event(p_event_id => p_event_id, p_type => p_type, p_livemode => p_livemode, p_payment => p_payment, p_now => now());
$$;

comment on function public.lapse_record_event(text, text, boolean, jsonb) is
  'Records Stripe''s answer about a payment that an event named. For the Edge Functions (secret key) only.';
