-- mark_order_paid, since a Checkout Session and its own intent are known as one payment (jobs.each_money_once).
--
-- Legal at any time: pending, expiring and quarantined orders become paid, whichever run may hold them; the run's own
-- compare-and-set then finds nothing to do. Repeating the call is harmless. Answers
--   paid              the order is paid now, its stock is consumed
--   already_paid      this payment was known to be paid, or its own session or intent was
--   paid_twice        another payment had paid it before: refund this one (alert)
--   maybe_paid_twice  the other payment may be this one's own session or intent: compare the session's intent before refunding (alert)
--   late_payment      the order is expired and its stock is gone: refund or deliver by hand (alert)
-- Raises 22023 for what is no id of Stripe's, PT404 for an unknown order and PT409 for a payment of another order. A payment that
-- was never attached is recorded here.

create or replace function public.mark_order_paid(p_order_id uuid, p_stripe_id text, p_now timestamptz default now()) returns text
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_order public.orders;
  v_payment public.order_payments;
  v_money record;
  v_result text;
begin
  if not coalesce(p_stripe_id ~ '^(pi|cs)_[A-Za-z0-9_]+$', false) then
    raise exception 'Cannot mark order % as paid as p_stripe_id is no PaymentIntent or Checkout Session: current value is %',
      p_order_id, coalesce(left(p_stripe_id, 100), 'null') using errcode = 'invalid_parameter_value';
  end if;

  select * into v_order from public.orders o where o.id = p_order_id for update;
  if not found then
    raise exception 'Cannot mark order as paid as it does not exist: current value is %', p_order_id using errcode = 'PT404';
  end if;

  select * into v_payment from public.order_payments p where p.stripe_id = p_stripe_id for update;
  if found and v_payment.order_id <> p_order_id then
    raise exception 'Cannot mark order % as paid as % belongs to another order: current value is %',
      p_order_id, p_stripe_id, v_payment.order_id using errcode = 'PT409';
  end if;

  if v_payment.id is null then
    -- The webhook may be faster than attach_payment, or the shop may have crashed before it. Money counts all the same.
    insert into public.order_payments (order_id, kind, stripe_id, state, reason, evidence, created_at, checked_at, closed_at)
    values (
      p_order_id, case when p_stripe_id like 'cs\_%' then 'checkout_session' else 'payment_intent' end, p_stripe_id,
      'paid', 'reported_by_shop', '{"source": "mark_order_paid"}', p_now, p_now, p_now
    );
  elsif v_payment.state = 'open' then
    update public.order_payments p
    set state = 'paid',
        reason = 'reported_by_shop',
        -- which session an intent belongs to stays true, whoever reports the money
        evidence = '{"source": "mark_order_paid"}'
          || jsonb_strip_nulls(jsonb_build_object('intent', p.evidence -> 'intent', 'session', p.evidence -> 'session')),
        checked_at = p_now,
        closed_at = p_now
    where p.id = v_payment.id;
  end if;

  -- This one counts, too, whatever its record says.
  select count(*) filter (where m.counts) as payments, bool_or(m.is_unsure) as unsure,
    bool_or(m.is_known) filter (where m.stripe_id = p_stripe_id) as known
  into v_money
  from jobs.each_money_once(p_payments => (
    select jsonb_agg(to_jsonb(p)) from public.order_payments p
    where p.order_id = p_order_id and (p.state = 'paid' or p.stripe_id = p_stripe_id)
  )) m;

  v_result := case
    when v_order.status = 'expired' then 'late_payment'
    when v_order.status <> 'paid' then 'paid'
    when v_payment.state = 'paid' then 'already_paid'
    -- A session after its own intent, or the other way round.
    when v_money.known then 'already_paid'
    -- Recorded dead, and it paid the order all the same: the record stays dead, and a repeated call is no second payment.
    when v_money.payments <= 1 then 'already_paid'
    when v_money.unsure then 'maybe_paid_twice'
    else 'paid_twice'
  end;

  if v_result = 'paid' then
    update public.orders o
    set status = 'paid', status_reason = 'reported_by_shop', paid_at = p_now, next_check_at = null, claimed_by = null
    where o.id = p_order_id;
    perform jobs.close_reservations(p_now => p_now, p_paid => array[p_order_id]);
  end if;
  perform jobs.alert_wrong_money(p_order_ids => array[p_order_id], p_now => p_now);

  if v_payment.state = 'dead' and v_result <> 'already_paid' then
    perform jobs.alert_dead_but_paid(
      p_order => v_order, p_stripe_id => p_stripe_id,
      p_result => case v_result when 'maybe_paid_twice' then 'paid_twice' else v_result end, p_now => p_now
    );
  end if;

  return v_result;
end;
$$;

comment on function public.mark_order_paid(uuid, text, timestamptz) is
  'Settles an order as paid, from a checkout or webhook. Answers paid, already_paid, paid_twice, maybe_paid_twice or late_payment.';
