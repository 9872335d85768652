-- The shop behind the jobs, one more part: an operator takes the responsibility for one payment that Stripe lets nobody end.

-- Contract: records one payment as dead on an operator's word, and answers the decision. Only while it is open, its order is quarantined,
-- and its last look ended as `checkout_unclosable`: everything else Stripe can still say more about. Stripe's last answer stays, with who
-- declared it dead, why and when. Raises PT404 for an unknown payment, PT409 for any other that may not be declared dead.
create function jobs.shop_declare_dead(
  p_stripe_id text,
  p_stripe_account text,
  p_reason text,
  p_actor text,
  p_now timestamptz
) returns jobs.decision
language plpgsql
set search_path = ''
as $$
declare
  v_order public.orders;
  v_payment public.order_payments;
begin
  -- The order first, as everywhere. A payment changes its order never.
  select o.* into v_order
  from public.orders o
  join public.order_payments p on p.order_id = o.id
  where p.stripe_id = p_stripe_id and p.stripe_account is not distinct from p_stripe_account
  for update of o;
  if not found then
    raise exception 'Cannot declare payment dead as it was never attached: current value is %', coalesce(left(p_stripe_id, 100), 'null')
      using errcode = 'PT404';
  end if;
  select * into v_payment
  from public.order_payments p
  where p.stripe_id = p_stripe_id and p.stripe_account is not distinct from p_stripe_account
  for update;

  if v_payment.state <> 'open' then
    raise exception 'Cannot declare payment % dead as it is not open: current value is %', p_stripe_id, v_payment.state
      using errcode = 'PT409';
  end if;
  if v_order.status <> 'quarantined' then
    raise exception 'Cannot declare payment % dead as its order is not quarantined: current value is %', p_stripe_id, v_order.status
      using errcode = 'PT409';
  end if;
  if v_payment.reason is distinct from 'checkout_unclosable' then
    raise exception 'Cannot declare payment % dead as its last look did not end as checkout_unclosable: current value is %',
      p_stripe_id, coalesce(v_payment.reason, 'null') using errcode = 'PT409';
  end if;

  update public.order_payments p
  set state = 'dead',
      reason = 'declared_dead',
      evidence = p.evidence || jsonb_build_object('declared_by', p_actor, 'declared_because', p_reason, 'declared_at', p_now),
      closed_at = p_now
  where p.id = v_payment.id
  returning * into v_payment;
  return row(
    v_payment.kind, v_payment.order_id, v_payment.stripe_id, 'found_dead', v_payment.reason, 0, null, v_payment.evidence
  )::jobs.decision;
end;
$$;

comment on function jobs.shop_declare_dead(text, text, text, text, timestamptz) is
  'Records one payment that Stripe lets nobody end as dead, on an operator''s word.';

revoke all on all functions in schema jobs from public;
