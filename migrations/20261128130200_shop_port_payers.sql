-- The clean-up learns which payments paid an order, and not only of what kind they are: a Checkout Session and its own intent are one.

-- Contract: what the shop knows of one payment, as the functions parse it (functions/_shared/payments.ts). p_order_id is the order the
-- payment names; a recorded payment belongs to the order it was attached to, whatever it names.
create or replace function jobs.shop_payment_json(p_kind text, p_stripe_id text, p_stripe_account text, p_order_id uuid) returns jsonb
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
      select jsonb_agg(
        jsonb_build_object('kind', s.kind, 'stripeId', s.stripe_id, 'intent', s.evidence ->> 'intent') order by s.stripe_id
      )
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

revoke all on all functions in schema jobs from public;
