-- The shop behind the clean-up: everything the clean-up knows of the shop's tables stands in this file.
--
-- A shop with tables of its own writes these functions anew, like those of the shop's port.

-- Contract: open payments of closed orders that are not on the revisit list, up to p_limit. Reads the open payments only, however
-- many closed ones there are. Orders set aside are an operator's, open orders belong to expire-stale-orders.
create function jobs.shop_stale_payments(p_livemode boolean, p_limit integer)
returns table (kind text, stripe_id text, stripe_account text, order_id uuid)
language sql stable
set search_path = ''
as $$
  select p.kind, p.stripe_id, p.stripe_account, p.order_id
  from public.order_payments p
  -- offset 0 keeps the planner from reading all orders there ever were, which it likes once many payments are open
  cross join lateral (
    select from public.orders o where o.id = p.order_id and o.status in ('paid', 'expired') offset 0
  ) closed
  where p.state = 'open'
    and not exists (
      select from jobs.revisits r
      where r.livemode = p_livemode and r.stripe_id = p.stripe_id and r.stripe_account = coalesce(p.stripe_account, '')
    )
  order by p.order_id, p.id
  limit p_limit;
$$;

comment on function jobs.shop_stale_payments(boolean, integer) is 'Open payments of closed orders that were not looked at yet.';

-- Contract: what the shop knows of one payment, as the functions parse it (functions/_shared/payments.ts). p_order_id is the order the
-- payment names; a recorded payment belongs to the order it was attached to, whatever it names.
create function jobs.shop_payment_json(p_kind text, p_stripe_id text, p_stripe_account text, p_order_id uuid) returns jsonb
language sql stable
set search_path = ''
as $$
  select jsonb_build_object(
    'kind', p_kind,
    'stripeId', p_stripe_id,
    'stripeAccount', p_stripe_account,
    'orderId', x.order_id,
    'order', (
      select jsonb_build_object('status', o.status, 'amount', o.amount, 'currency', o.currency)
      from public.orders o
      where o.id = x.order_id
    ),
    'recordedState', p.state,
    'paidBy', coalesce((
      select jsonb_agg(distinct s.kind)
      from public.order_payments s
      where s.order_id = x.order_id and s.state = 'paid' and s.id is distinct from p.id
    ), '[]'),
    'openSession', exists (
      select from public.order_payments s
      where s.order_id = x.order_id and s.kind = 'checkout_session' and s.state = 'open' and s.id is distinct from p.id
    )
  )
  from (select) as one
  left join public.order_payments p on p.stripe_id = p_stripe_id and p.stripe_account is not distinct from p_stripe_account
  cross join lateral (select coalesce(p.order_id, p_order_id) as order_id) x;
$$;

comment on function jobs.shop_payment_json(text, text, text, uuid) is 'What the shop knows of one payment and its order.';

-- Contract: takes every lock that settling payments of these orders needs, in the order that all settlements keep: orders by id,
-- then inventory by SKU.
create function jobs.shop_lock_for_payments(p_order_ids uuid[]) returns void
language plpgsql
set search_path = ''
as $$
begin
  perform from public.orders o where o.id = any (p_order_ids) order by o.id for update;
  perform jobs.lock_reserved_stock(p_order_ids => p_order_ids);
end;
$$;

comment on function jobs.shop_lock_for_payments(uuid[]) is 'Locks orders and their stock, in the order all settlements keep.';

-- Contract: writes what Stripe said of one payment: its state, or the reason why it is still open. A payment that received money is
-- recorded even if it was never attached, as long as its order exists. Answers whether its state changed just now.
create function jobs.shop_record_payment(p_decision jsonb, p_state text, p_now timestamptz) returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_evidence jsonb := coalesce(nullif(p_decision -> 'evidence', 'null'), '{}');
begin
  update public.order_payments p
  set state = p_state,
      reason = p_decision ->> 'reason',
      evidence = v_evidence,
      checked_at = p_now,
      closed_at = case when p_state <> 'open' then p_now end
  where p.stripe_id = p_decision ->> 'stripeId'
    and p.stripe_account is not distinct from p_decision ->> 'stripeAccount'
    and p.state = 'open';
  if found or p_state <> 'paid' then
    return found and p_state <> 'open';
  end if;

  insert into public.order_payments (
    order_id, kind, stripe_id, stripe_account, state, reason, evidence, created_at, checked_at, closed_at
  )
  select o.id, p_decision ->> 'kind', p_decision ->> 'stripeId', p_decision ->> 'stripeAccount', 'paid', p_decision ->> 'reason',
    v_evidence, p_now, p_now, p_now
  from public.orders o
  where o.id = (p_decision ->> 'orderId')::uuid
  on conflict do nothing;
  return found;
end;
$$;

comment on function jobs.shop_record_payment(jsonb, text, timestamptz) is 'Records what Stripe said of one payment.';

-- Contract: settles an order as paid by this payment, the way a webhook would. Answers as mark_order_paid does, or `no_order`.
-- Whoever decided about the order meanwhile was first.
create function jobs.shop_settle_paid(p_decision jsonb, p_now timestamptz) returns text
language plpgsql
set search_path = ''
as $$
declare
  v_order_id uuid := (p_decision ->> 'orderId')::uuid;
  v_result text;
begin
  if not exists (select from public.orders o where o.id = v_order_id) then
    return 'no_order';
  end if;
  v_result := public.mark_order_paid(p_order_id => v_order_id, p_stripe_id => p_decision ->> 'stripeId', p_now => p_now);
  if v_result = 'paid' then
    update public.orders o set status_reason = p_decision ->> 'reason' where o.id = v_order_id;
  end if;
  return v_result;
end;
$$;

comment on function jobs.shop_settle_paid(jsonb, timestamptz) is 'Settles an open order as paid by a payment that the clean-up found.';

revoke all on all functions in schema jobs from public;
