-- Money: how a payment that succeeded changes its order, and when it alerts a person.
--
-- A Checkout Session and the PaymentIntent that Stripe made for it are one payment under two ids. Stripe's answer is
-- kept as evidence: `intent` of a session, `session` of an intent (`none`: it has none). Until Stripe was asked, a
-- session and an intent may be one payment, and no alert may ask for a refund of either.

-- Contract: counts each payment of an order once. p_payments are the payments that succeeded, as a JSON list of ref,
-- kind, stripe_id and evidence. For each it returns: `counts`, false for an intent whose own session is among them,
-- and for money that was given back in full; `is_known`, whether it is such an intent or such a session; `is_unsure`,
-- whether its order has both a session with an unknown intent and an intent with an unknown session; `received`,
-- without what was given back.
create function lapse.distinct_payments(p_payments jsonb)
returns table (ref text, stripe_id text, counts boolean, is_known boolean, is_unsure boolean, received bigint)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with paid as (
    select p ->> 'ref' as ref, p ->> 'kind' as kind, p ->> 'stripe_id' as stripe_id,
      p #>> '{evidence,intent}' as intent, p #>> '{evidence,session}' as session,
      (p #>> '{evidence,amount_received}')::bigint - coalesce((p #>> '{evidence,amount_refunded}')::bigint, 0) as received,
      lapse.is_refunded(p_evidence => p -> 'evidence') as is_returned
    from jsonb_array_elements(p_payments) p
  ),
  -- sessions with their own intents
  pairs as (
    select s.stripe_id as session, i.stripe_id as intent, i.received, i.is_returned
    from paid s
    join paid i on i.ref = s.ref and (s.intent = i.stripe_id or i.session = s.stripe_id)
    where s.kind = 'checkout_session' and i.kind = 'payment_intent'
  ),
  paired as (
    select p.*,
      exists (select from pairs x where x.intent = p.stripe_id) as is_own,
      exists (select from pairs x where p.stripe_id in (x.intent, x.session)) as is_known,
      -- one of the two may have been reported without its amount, or before its refund
      least(p.received, (select min(x.received) from pairs x where x.session = p.stripe_id)) as known_received,
      p.is_returned or exists (select from pairs x where x.session = p.stripe_id and x.is_returned) as is_gone
    from paid p
  )
  select p.ref, p.stripe_id, not p.is_own and not p.is_gone, p.is_known,
    bool_or(p.kind = 'checkout_session' and p.intent is null and not p.is_known) over of_order
      and bool_or(p.kind = 'payment_intent' and p.session is null and not p.is_known) over of_order,
    p.known_received
  from paired p
  window of_order as (partition by p.ref);
$$;

-- The recorded payments of these orders whose money the shop still has, each counted once.
create function lapse.money_kept(p_refs text[])
returns table (ref text, stripe_id text, received bigint, currency text, is_unsure boolean)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with recorded as materialized (
    select p.* from lapse.payments p where p.ref = any (p_refs) and p.state = 'paid'
  )
  select m.ref, m.stripe_id, m.received, r.evidence ->> 'currency', m.is_unsure
  from lapse.distinct_payments(p_payments => coalesce((select jsonb_agg(to_jsonb(r)) from recorded r), '[]')) m
  join recorded r on r.stripe_id = m.stripe_id
  where m.counts;
$$;

-- Contract: those of these orders whose money is wrong: paid by more than one payment, or closed unpaid and paid. `key`
-- is that of the alert. Reads only the records, so the order of events cannot hide it. Payments in lapse.refunds do
-- not count: they are refunded, or another alert says why not. A session and an intent that may be its own are a
-- warning, which calls for a comparison and not for a refund.
create function lapse.wrong_money(p_refs text[])
returns table (key text, severity text, message text, stripe_ids jsonb, details jsonb)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with paid as (
    select o.ref, o.status, o.amount, o.currency,
      jsonb_agg(m.stripe_id order by p.closed_at, m.stripe_id) as stripe_ids,
      -- two halves of the amount are no surplus; where an amount is unknown, two payments are
      count(*) > 1 and coalesce(sum(m.received) > o.amount or bool_or(m.received is null), true) as surplus,
      bool_or(m.is_unsure) as unsure,
      -- among three, at least two are different payments
      count(*) = 2 and bool_or(m.is_unsure) as harmless
    from lapse.orders o
    join lapse.money_kept(p_refs => p_refs) m on m.ref = o.ref
    join lapse.payments p on p.stripe_id = m.stripe_id
    where o.ref = any (p_refs) and (o.status in ('paid', 'expired') or o.reason in ('closed_by_shop', 'late_payment'))
      and not lapse.is_being_refunded(p_stripe_id => m.stripe_id, p_ref => m.ref)
    group by o.ref
  )
  select case p.status when 'paid' then 'paid_twice:' else 'late_payment:' end || p.ref,
    case when p.status = 'paid' and p.harmless then 'warning' else 'critical' end,
    case
      when p.status <> 'paid' then 'A payment succeeded although its order is closed unpaid'
      when p.unsure then
        'An order was paid by a Checkout Session and an intent that may be its own: compare the session''s intent before you refund'
      else 'An order was paid by more than one payment'
    end,
    p.stripe_ids,
    jsonb_build_object(
      'ref', p.ref, 'amount', p.amount, 'currency', p.currency, 'payments', p.stripe_ids,
      'cause', format('%s succeeded; the order is %s', (
        select string_agg(i, ' and ' order by n) from jsonb_array_elements_text(p.stripe_ids) with ordinality x (i, n)
      ), p.status)
    )
  from paid p
  where p.status <> 'paid' or p.surplus;
$$;

-- Contract: raises an alert for each of these orders whose money is wrong. One alert per order, and none for payments
-- whose alert an operator closed: that stays closed when a webhook is repeated.
create function lapse.alert_wrong_money(p_refs text[], p_now timestamptz) returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  select lapse.raise_alert(
    p_key => w.key, p_job => null, p_severity => w.severity, p_message => w.message, p_details => w.details,
    p_now => p_now
  )
  from lapse.wrong_money(p_refs => p_refs) w
  where not exists (
    select from lapse.alerts a
    where a.key = w.key and a.resolved_at is not null and a.details -> 'payments' @> w.stripe_ids
  );
$$;

-- Contract: raises one alert when Stripe contradicts its earlier answer. The record stays, because dead is final.
create function lapse.alert_dead_but_paid(
  p_order lapse.orders,
  p_stripe_id text,
  p_result text,
  p_now timestamptz
) returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  select lapse.raise_alert(
    p_key => x.key,
    p_job => null,
    p_severity => 'critical',
    p_message => 'A payment succeeded that Stripe had reported as dead',
    p_details => jsonb_build_object(
      'ref', (p_order).ref, 'amount', (p_order).amount, 'currency', (p_order).currency,
      -- with those that alert_wrong_money named a moment ago
      'payments', coalesce((
        select a.details -> 'payments' from lapse.alerts a where a.key = x.key and a.resolved_at is null
      ) - p_stripe_id, '[]') || to_jsonb(p_stripe_id),
      'cause', format('Stripe reported %s as dead before, and reports it as succeeded now', p_stripe_id)
    ),
    p_now => p_now
  )
  from (
    select case
      when p_result in ('paid_twice', 'maybe_paid_twice') then 'paid_twice:' || (p_order).ref
      when p_result = 'late_payment' then 'late_payment:' || (p_order).ref
      else 'payments_unclear:dead_but_paid'
    end as key
  ) x
  where not exists (
    select from lapse.alerts a
    where a.key = x.key and a.resolved_at is not null and a.details -> 'payments' ? p_stripe_id
  );
$$;

-- Contract: records that a payment succeeded. p_before is its row, locked, or null. Raises PT409 if another transaction
-- recorded it for another order meanwhile. A payment that Stripe had confirmed as dead stays dead.
create function lapse.record_money(
  p_order lapse.orders,
  p_before lapse.payments,
  p_stripe_id text,
  p_account text,
  p_evidence jsonb,
  p_now timestamptz
) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if (p_before).stripe_id is null then
    -- The webhook may be faster than attach_payment, or the shop may have crashed before it. The money counts anyway.
    insert into lapse.payments (stripe_id, ref, account, state, reason, evidence, attached_at, checked_at, closed_at)
    values (
      p_stripe_id, (p_order).ref, coalesce(nullif(p_account, ''), (p_order).account), 'paid', 'reported_by_shop',
      p_evidence, p_now, p_now, p_now
    )
    on conflict (stripe_id) do nothing;
    if not found then
      raise exception 'Cannot mark order % as paid by %: the payment belongs to another order', (p_order).ref, p_stripe_id
        using errcode = 'PT409';
    end if;
    update lapse.orders o set payments = o.payments + 1 where o.ref = (p_order).ref;
  elsif (p_before).state = 'open' then
    update lapse.payments p
    set state = 'paid',
        reason = 'reported_by_shop',
        -- an intent keeps its session, whoever reports the money
        evidence = p_evidence || jsonb_strip_nulls(jsonb_build_object(
          'intent', p.evidence -> 'intent', 'session', p.evidence -> 'session'
        )),
        checked_at = p_now,
        closed_at = p_now
    where p.stripe_id = p_stripe_id;
  elsif (p_before).state = 'paid' and p_evidence ? 'amount_received'
    and not (p_before).evidence ? 'amount_received'
  then
    update lapse.payments p
    set evidence = p.evidence || jsonb_build_object('amount_received', p_evidence -> 'amount_received')
    where p.stripe_id = p_stripe_id;
  end if;
end;
$$;

-- Contract: the money of an order, including this payment whatever its record says: the number of payments; the amount
-- received, null if one is unknown; whether this payment is the session or intent of another; whether a session and an
-- intent may be one payment.
create function lapse.money_of(
  p_ref text,
  p_stripe_id text,
  p_evidence jsonb,
  out payments integer,
  out received bigint,
  out known boolean,
  out unsure boolean
)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (
    select from lapse.payments p where p.ref = p_ref and p.state = 'paid' and p.stripe_id <> p_stripe_id
  ) then
    payments := 1;
    received := (p_evidence -> 'amount_received')::bigint;
    known := false;
    unsure := false;
    return;
  end if;
  select count(*) filter (where m.counts),
    case when bool_and(m.received is not null) filter (where m.counts) then sum(m.received) filter (where m.counts) end,
    bool_or(m.is_known) filter (where m.stripe_id = p_stripe_id),
    bool_or(m.is_unsure)
  into payments, received, known, unsure
  from lapse.distinct_payments(p_payments => (
    select jsonb_agg(
      to_jsonb(p) || case when p.state = 'paid' then '{}' else jsonb_build_object('evidence', p_evidence) end
    )
    from lapse.payments p
    where p.ref = p_ref and (p.state = 'paid' or p.stripe_id = p_stripe_id)
  )) m;
end;
$$;

-- mark_paid: the shop's checkout or webhook reports that a payment succeeded.
--
-- Legal at any time: pending, expiring and quarantined orders become paid in the ledger and in the shop, even while a
-- run holds them; the run's compare-and-set then finds nothing to do. Repeating the call is harmless. Returns
--   paid              the order is paid now
--   partly_paid       all payments together are less than the amount: recorded, the order stays open
--   already_paid      this payment, or its session or intent, was known to be paid, or the shop had already marked the
--                     order as paid
--   paid_twice        another payment had paid the order before: refund this one (alert)
--   maybe_paid_twice  the other payment may be this one's own session or intent: compare them before refunding (alert)
--   late_payment      the order was closed unpaid and its stock is gone: settings.late_payments decides what follows
--   revived           the order had expired; its stock was reserved again, and it is paid now
--   refunded          the payment was refunded in full before: nothing to deliver
-- p_amount is the amount received, in minor units; without it the payment counts as the whole amount. Raises 22023 for
-- a text that is not an id of Stripe, PT404 for an order that neither Lapse nor the shop knows, PT409 for a payment of
-- another order, LP002 if the shop does not close its order, LP010 without an adapter. A payment that was never
-- attached is recorded here.
create function lapse.mark_paid(
  p_ref text,
  p_stripe_id text,
  p_account text default null,
  p_amount bigint default null,
  p_now timestamptz default now()
) returns text
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_ref text := lapse.known_ref(p_ref);
  v_evidence jsonb := jsonb_strip_nulls(jsonb_build_object('source', 'mark_paid', 'amount_received', p_amount));
  v_shop text;
  v_order lapse.orders;
  v_before lapse.payments;
  v_money record;
  v_result text;
begin
  perform lapse.check_stripe_id(p_stripe_id => p_stripe_id, p_account => p_account);
  if p_amount < 0 then
    raise exception 'Cannot mark order % as paid: p_amount is %', v_ref, p_amount using errcode = '22023';
  end if;

  select s.state into v_shop from lapse.lock_shop_orders(p_refs => array[v_ref], p_wait => true) s;
  perform lapse.fold_inbox(p_refs => array[v_ref], p_now => p_now);
  select * into v_order from lapse.orders o where o.ref = v_ref for no key update;
  if v_order.ref is null or v_order.status = 'unknown' then
    perform lapse.know_order(p_ref => v_ref, p_shop => v_shop, p_now => p_now);
    select * into v_order from lapse.orders o where o.ref = v_ref for no key update;
    if v_order.ref is null or v_order.status = 'unknown' then
      raise exception 'Cannot mark order % as paid by %: there is no such order', v_ref, p_stripe_id
        using errcode = 'PT404';
    end if;
  elsif v_shop <> 'open' then
    perform lapse.follow_orders(p_refs => array[v_ref], p_paid => array[v_shop = 'paid'], p_now => p_now);
    select * into v_order from lapse.orders o where o.ref = v_ref;
  end if;
  if v_shop is null then
    raise exception 'Cannot mark order % as paid: lapse_shop.lock_orders does not report its state', v_ref
      using errcode = 'LP002';
  end if;

  select * into v_before from lapse.payments p where p.stripe_id = p_stripe_id for no key update;
  if v_before.ref <> v_ref then
    raise exception 'Cannot mark order % as paid by %: the payment belongs to order %', v_ref, p_stripe_id, v_before.ref
      using errcode = 'PT409';
  end if;
  -- A paid order's own payment that was refunded is a payment that was reported before.
  if lapse.is_refunded(p_evidence => v_before.evidence) and (v_order.status <> 'paid' or v_before.state = 'dead') then
    return 'refunded';
  end if;
  perform lapse.record_money(
    p_order => v_order, p_before => v_before, p_stripe_id => p_stripe_id, p_account => p_account,
    p_evidence => v_evidence, p_now => p_now
  );
  v_money := lapse.money_of(p_ref => v_ref, p_stripe_id => p_stripe_id, p_evidence => v_evidence);

  v_result := case
    when v_order.status in ('pending', 'expiring', 'quarantined') then case
      -- The shop has closed it unpaid, and other payments are still being cancelled, or a person decides.
      when v_shop <> 'open' then 'late_payment'
      when v_money.received < v_order.amount then 'partly_paid'
      else 'paid'
    end
    when v_order.status = 'expired' and v_shop <> 'paid' then 'late_payment'
    when v_before.state = 'paid' then 'already_paid'
    -- A session after its own intent, or the other way round.
    when v_money.known then 'already_paid'
    -- Recorded dead, but it paid the order: the record stays, and a repeated call is not a second payment.
    when v_money.payments <= 1 then 'already_paid'
    -- The shop closed the order before all parts of its amount were reported.
    when v_money.received <= v_order.amount then 'already_paid'
    when v_money.unsure then 'maybe_paid_twice'
    else 'paid_twice'
  end;

  if v_result = 'paid' then
    update lapse.orders o
    set status = 'paid', reason = 'reported_by_shop', next_check_at = null, run_id = null, closed_at = p_now
    where o.ref = v_ref;
  elsif v_result = 'late_payment' then
    -- The payment is no longer open, so the ledger may now follow the shop's closing.
    perform lapse.follow_orders(p_refs => array[v_ref], p_paid => array[false], p_now => p_now);
  end if;
  perform lapse.recheck_leftovers(p_refs => array[v_ref], p_now => p_now);

  if v_result not in ('paid', 'partly_paid') or v_money.payments > 1 then
    if lapse.settle_wrong_money(p_refs => array[v_ref], p_patient => true, p_now => p_now) <> '{}' then
      v_result := 'revived';
    end if;
  end if;
  if v_result in ('late_payment', 'revived') then
    perform lapse.note_late_payment(
      p_ref => v_ref, p_stripe_id => p_stripe_id, p_evidence => v_evidence, p_revived => v_result = 'revived', p_now => p_now
    );
  end if;
  if v_before.state = 'dead' and v_result <> 'already_paid' then
    perform lapse.alert_dead_but_paid(
      p_order => v_order, p_stripe_id => p_stripe_id, p_result => v_result, p_now => p_now
    );
  end if;

  -- Last, because from here to the commit a checkout of the same article waits.
  if v_shop = 'open' and (v_result = 'paid' or v_order.status = 'paid') then
    perform lapse.finish_shop_orders(p_expired => '{}', p_paid => array[v_ref], p_patient => true);
  end if;
  return v_result;
end;
$$;

comment on function lapse.mark_paid(text, text, text, bigint, timestamptz) is
  'Records a payment that succeeded and closes its order as paid, in ledger and shop. Returns the result.';

create function public.lapse_mark_paid(
  p_ref text,
  p_stripe_id text,
  p_account text default null,
  p_amount bigint default null
) returns text
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
  select lapse.mark_paid(
    p_ref => p_ref, p_stripe_id => p_stripe_id, p_account => p_account, p_amount => p_amount, p_now => now()
  );
$$;

comment on function public.lapse_mark_paid(text, text, text, bigint) is
  'Marks an order as paid. Returns paid, partly_paid, already_paid, paid_twice, maybe_paid_twice, late_payment, revived or refunded.';
