-- mark_order_paid: what a checkout or a webhook calls when Stripe says that a payment succeeded.
--
-- Legal at any time: pending, expiring and quarantined orders become paid, whichever run may hold them; the run's own
-- compare-and-set then finds nothing to do. Repeating the call is harmless. Answers
--   paid           the order is paid now, its stock is consumed
--   already_paid   this payment was known to be paid
--   paid_twice     another payment had paid it before: refund this one (alert)
--   late_payment   the order is expired and its stock is gone: refund or deliver by hand (alert)
-- Raises 22023 for what is no id of Stripe's, PT404 for an unknown order and PT409 for a payment of another order. A payment that
-- was never attached is recorded here: call this with the id that was attached, not with a Checkout Session's and its intent's in turn.

-- Contract: locks the inventory behind the held reservations of these orders, in the order of SKUs like everywhere. For whoever
-- closes reservations one order at a time: several sorted passes are not one sorted pass.
create function jobs.lock_reserved_stock(p_order_ids uuid[]) returns void
language sql
set search_path = ''
as $$
  select from public.inventory i
  where i.sku in (
    select r.sku from public.stock_reservations r where r.order_id = any (p_order_ids) and r.state = 'held'
  )
  order by i.sku
  for update;
$$;

comment on function jobs.lock_reserved_stock(uuid[]) is 'Locks the inventory that orders hold, in the order of SKUs.';

-- Contract: closes the held reservations of these orders and moves inventory with them: the units of p_expired go back on the shelf,
-- those of p_paid leave the warehouse. The caller has locked the orders, and calls this last: from the lock on an article to the
-- commit, a checkout of the same article waits.
create function jobs.close_reservations(p_now timestamptz, p_expired uuid[] default '{}', p_paid uuid[] default '{}') returns void
language plpgsql
set search_path = ''
as $$
declare
  v_skus text[];
  v_released integer[];
  v_consumed integer[];
begin
  -- each reservation leaves `held` here, once
  with closed as (
    update public.stock_reservations r
    set state = case when r.order_id = any (p_paid) then 'consumed' else 'released' end, closed_at = p_now
    where r.order_id = any (p_expired || p_paid) and r.state = 'held'
    returning r.sku, r.quantity, r.state
  ),
  by_sku as (
    select c.sku,
      coalesce(sum(c.quantity) filter (where c.state = 'released'), 0)::integer as released,
      coalesce(sum(c.quantity) filter (where c.state = 'consumed'), 0)::integer as consumed
    from closed c
    group by c.sku
  )
  select array_agg(b.sku), array_agg(b.released), array_agg(b.consumed) into v_skus, v_released, v_consumed from by_sku b;

  -- Not before everything else is done. In the order of SKUs, like every writer of inventory.
  perform from public.inventory i where i.sku = any (v_skus) order by i.sku for update;

  update public.inventory i
  set reserved = i.reserved - b.released - b.consumed,
      on_hand = i.on_hand - b.consumed,
      updated_at = p_now
  from unnest(v_skus, v_released, v_consumed) as b (sku, released, consumed)
  where i.sku = b.sku;
end;
$$;

comment on function jobs.close_reservations(timestamptz, uuid[], uuid[]) is
  'Releases or consumes the held reservations of orders and moves inventory with them.';

-- Contract: raises an alert for each of these orders whose money is wrong: paid by more than one payment, or expired and paid.
-- Looks at what is recorded, not at who recorded it, so that no order of events can hide it. One alert per order, and none for
-- payments whose alert an operator closed: it stays closed, however often a webhook is repeated.
create function jobs.alert_wrong_money(p_order_ids uuid[], p_now timestamptz) returns void
language sql
set search_path = ''
as $$
  with paid as (
    select o.id, o.status, o.amount, o.currency, jsonb_agg(p.stripe_id order by p.closed_at, p.id) as stripe_ids,
      -- two halves of the amount are no surplus; where an amount is unknown, two payments are
      count(*) > 1 and coalesce(
        sum((p.evidence ->> 'amount_received')::bigint) > o.amount or bool_or(p.evidence ->> 'amount_received' is null), true
      ) as surplus
    from public.orders o
    join public.order_payments p on p.order_id = o.id and p.state = 'paid'
    where o.id = any (p_order_ids) and o.status in ('paid', 'expired')
    group by o.id
  )
  select jobs.raise_alert(
    p_key => x.key,
    p_job => null,
    p_severity => 'critical',
    p_message => case p.status
      when 'paid' then 'An order was paid by more than one payment'
      else 'A payment succeeded although its order is expired'
    end,
    p_details => jsonb_build_object(
      'orderId', p.id, 'amount', p.amount, 'currency', p.currency, 'payments', p.stripe_ids
    ),
    p_now => p_now
  )
  from paid p
  cross join lateral (select case p.status when 'paid' then 'paid_twice:' else 'late_payment:' end || p.id as key) x
  where (p.status = 'expired' or p.surplus)
    and not exists (
      select from public.job_alerts a
      where a.key = x.key and a.resolved_at is not null and a.details -> 'payments' @> p.stripe_ids
    );
$$;

comment on function jobs.alert_wrong_money(uuid[], timestamptz) is 'Alerts for orders paid twice, or paid after they expired.';

-- Contract: Stripe contradicts what it said before. The record stays, dead is final; a person has to hear of the money, once.
create function jobs.alert_dead_but_paid(p_order public.orders, p_stripe_id text, p_result text, p_now timestamptz) returns void
language sql
set search_path = ''
as $$
  select jobs.raise_alert(
    p_key => x.key,
    p_job => null,
    p_severity => 'critical',
    p_message => 'A payment succeeded that Stripe had called dead',
    p_details => jsonb_build_object(
      'orderId', (p_order).id, 'amount', (p_order).amount, 'currency', (p_order).currency,
      -- with those that alert_wrong_money named a moment ago
      'payments', coalesce((
        select a.details -> 'payments' from public.job_alerts a where a.key = x.key and a.resolved_at is null
      ) - p_stripe_id, '[]') || to_jsonb(p_stripe_id)
    ),
    p_now => p_now
  )
  from (
    select case p_result when 'paid' then 'payments_unclear:dead_but_paid' else p_result || ':' || (p_order).id end as key
  ) x
  where not exists (
    select from public.job_alerts a
    where a.key = x.key and a.resolved_at is not null and a.details -> 'payments' ? p_stripe_id
  );
$$;

comment on function jobs.alert_dead_but_paid(public.orders, text, text, timestamptz) is
  'An alert about a payment that succeeded although it was recorded dead.';

create function public.mark_order_paid(p_order_id uuid, p_stripe_id text, p_now timestamptz default now()) returns text
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_order public.orders;
  v_payment public.order_payments;
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
    set state = 'paid', reason = 'reported_by_shop', evidence = '{"source": "mark_order_paid"}',
        checked_at = p_now, closed_at = p_now
    where p.id = v_payment.id;
  end if;

  v_result := case
    when v_order.status = 'expired' then 'late_payment'
    when v_order.status <> 'paid' then 'paid'
    when v_payment.state = 'paid' then 'already_paid'
    -- Recorded dead, and it paid the order all the same: the record stays dead, and a repeated call is no second payment.
    when not exists (
      select from public.order_payments p where p.order_id = p_order_id and p.state = 'paid' and p.stripe_id <> p_stripe_id
    ) then 'already_paid'
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
    perform jobs.alert_dead_but_paid(p_order => v_order, p_stripe_id => p_stripe_id, p_result => v_result, p_now => p_now);
  end if;

  return v_result;
end;
$$;

comment on function public.mark_order_paid(uuid, text, timestamptz) is
  'Settles an order as paid, from a checkout or webhook. Answers paid, already_paid, paid_twice or late_payment.';

revoke all on all functions in schema jobs from public;
revoke all on function public.mark_order_paid(uuid, text, timestamptz) from public, anon, authenticated;
grant execute on function public.mark_order_paid(uuid, text, timestamptz) to service_role;
