-- mark_order_paid: what a checkout or a webhook calls when Stripe says that a payment succeeded.
--
-- Legal at any time: pending, expiring and quarantined orders become paid, whichever run may hold them; the run's own
-- compare-and-set then finds nothing to do. Repeating the call is harmless. Answers
--   paid           the order is paid now, its stock is consumed
--   already_paid   this payment had paid it before
--   paid_twice     another payment had paid it before: refund this one (alert)
--   late_payment   the order is expired and its stock is gone: refund or deliver by hand (alert)
-- Raises PT404 for an unknown order and PT409 for a payment of another order. A payment that was never attached is recorded here.

-- Contract: closes the held reservations of these orders as 'released' or 'consumed', moves inventory accordingly, and
-- returns the units of each order. The caller has locked the orders. Inventory is locked in the order of SKUs, like everywhere.
create function jobs.close_reservations(p_order_ids uuid[], p_state text, p_now timestamptz)
returns table (order_id uuid, units integer)
language plpgsql
set search_path = ''
as $$
begin
  perform from public.inventory i
  where i.sku in (
    select r.sku from public.stock_reservations r where r.order_id = any (p_order_ids) and r.state = 'held'
  )
  order by i.sku
  for update;

  return query
  -- each reservation leaves `held` here, once
  with closed as (
    update public.stock_reservations r
    set state = p_state, closed_at = p_now
    where r.order_id = any (p_order_ids) and r.state = 'held'
    returning r.order_id, r.sku, r.quantity
  ),
  by_sku as (
    select c.sku, sum(c.quantity)::integer as quantity from closed c group by c.sku
  ),
  -- sold units leave the warehouse as well
  moved as (
    update public.inventory i
    set reserved = i.reserved - b.quantity,
        on_hand = i.on_hand - case when p_state = 'consumed' then b.quantity else 0 end,
        updated_at = p_now
    from by_sku b
    where i.sku = b.sku
  )
  select c.order_id, sum(c.quantity)::integer from closed c group by c.order_id;
end;
$$;

comment on function jobs.close_reservations(uuid[], text, timestamptz) is
  'Releases or consumes the held reservations of orders and moves inventory with them.';

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
    update public.orders o set payment_count = o.payment_count + 1 where o.id = p_order_id;
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
    else 'paid_twice'
  end;

  if v_result = 'paid' then
    update public.orders o
    set status = 'paid', status_reason = 'reported_by_shop', paid_at = p_now, next_check_at = null, claimed_by = null
    where o.id = p_order_id;
    perform jobs.close_reservations(p_order_ids => array[p_order_id], p_state => 'consumed', p_now => p_now);
  elsif v_result in ('paid_twice', 'late_payment') then
    perform jobs.raise_alert(
      p_key => v_result || ':' || p_stripe_id,
      p_job => null,
      p_severity => 'critical',
      p_message => case v_result
        when 'paid_twice' then 'An order was paid by two payments'
        else 'A payment succeeded although its order is expired'
      end,
      p_details => jsonb_build_object(
        'orderId', p_order_id, 'stripeId', p_stripe_id, 'amount', v_order.amount, 'currency', v_order.currency
      ),
      p_now => p_now
    );
  end if;

  return v_result;
end;
$$;

comment on function public.mark_order_paid(uuid, text, timestamptz) is
  'Settles an order as paid, from a checkout or webhook. Answers paid, already_paid, paid_twice or late_payment.';

revoke all on all functions in schema jobs from public;
revoke all on function public.mark_order_paid(uuid, text, timestamptz) from public, anon, authenticated;
grant execute on function public.mark_order_paid(uuid, text, timestamptz) to service_role;
