-- attach_payment: tells Lapse of a PaymentIntent or Checkout Session, before the customer gets its client secret.
--
-- Only a pending order takes a payment. If this raises PT409, the order is being closed or is closed: end the new payment at
-- Stripe at once and tell the customer. Repeating the call with the same id is harmless. p_expires_at (a voucher's own
-- expiry, also in a repeated call, since it is known only once the voucher is issued) moves the deadline back, never forward.
-- Raises 22023 for what is no id of Stripe's, PT404 for an unknown order, PT409 as above and for a payment of another order.

create function public.attach_payment(
  p_order_id uuid,
  p_kind text,
  p_stripe_id text,
  p_stripe_account text default null,
  p_expires_at timestamptz default null,
  p_now timestamptz default now()
) returns public.order_payments
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_order public.orders;
  v_payment public.order_payments;
begin
  if not coalesce(
    p_stripe_id ~ '^(pi|cs)_[A-Za-z0-9_]+$'
      and p_kind = case left(p_stripe_id, 2) when 'pi' then 'payment_intent' else 'checkout_session' end
      and coalesce(p_stripe_account ~ '^acct_[A-Za-z0-9]+$', true),
    false
  ) then
    raise exception 'Cannot attach payment as kind, id or account is not one of Stripe''s: current value is % % %',
      coalesce(p_kind, 'null'), coalesce(left(p_stripe_id, 100), 'null'), coalesce(left(p_stripe_account, 100), 'null')
      using errcode = 'invalid_parameter_value';
  end if;
  if p_expires_at > p_now + interval '1 year' then
    raise exception 'Cannot attach payment % with an expiry more than a year away: current value is %', p_stripe_id, p_expires_at
      using errcode = 'invalid_parameter_value';
  end if;

  -- The lock makes this and the claim take turns: whoever is second sees what the first one decided.
  select * into v_order from public.orders o where o.id = p_order_id for update;
  if not found then
    raise exception 'Cannot attach payment % as the order does not exist: current value is %', p_stripe_id, p_order_id
      using errcode = 'PT404';
  end if;

  select * into v_payment
  from public.order_payments p
  where p.stripe_id = p_stripe_id and p.stripe_account is not distinct from p_stripe_account;
  if found then
    if v_payment.order_id <> p_order_id then
      raise exception 'Cannot attach payment % to order % as it belongs to another: current value is %',
        p_stripe_id, p_order_id, v_payment.order_id using errcode = 'PT409';
    end if;
  elsif v_order.status <> 'pending' then
    raise exception 'Cannot attach payment % as the order is not pending: current value is %', p_stripe_id, v_order.status
      using errcode = 'PT409';
  else
    insert into public.order_payments (order_id, kind, stripe_id, stripe_account, created_at)
    values (p_order_id, p_kind, p_stripe_id, p_stripe_account, p_now)
    returning * into v_payment;
  end if;

  update public.orders o
  set expires_at = p_expires_at, next_check_at = greatest(o.next_check_at, p_expires_at + o.grace)
  where o.id = p_order_id and o.status = 'pending' and o.expires_at < p_expires_at;

  return v_payment;
end;
$$;

comment on function public.attach_payment(uuid, text, text, text, timestamptz, timestamptz) is
  'Records a payment of a pending order. Refused (409) while the order is expiring and once it is closed.';

revoke all on function public.attach_payment(uuid, text, text, text, timestamptz, timestamptz)
  from public, anon, authenticated;
grant execute on function public.attach_payment(uuid, text, text, text, timestamptz, timestamptz) to service_role;
