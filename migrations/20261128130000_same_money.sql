-- A Checkout Session and the PaymentIntent that Stripe made for it are one payment under two ids. A shop that attached both, or whose
-- webhook did, was paid once; whoever is told "paid twice: refund the surplus" gives the customer's only payment back.
--
-- What Stripe said is kept as evidence: `intent` of a session, `session` of an intent that the clean-up asked about ("none": it has
-- none). Where nobody asked, as with a session that only the shop's webhook reported, a session and an intent may be one, and neither an
-- alert nor mark_order_paid may call for a refund of either.

-- Contract: whether two payments of one order are known to be the same money.
create function jobs.is_same_money(p_session public.order_payments, p_intent public.order_payments) returns boolean
language sql immutable
set search_path = ''
as $$
  select (p_session).kind = 'checkout_session' and (p_intent).kind = 'payment_intent' and coalesce(
    (p_session).evidence ->> 'intent' = (p_intent).stripe_id or (p_intent).evidence ->> 'session' = (p_session).stripe_id, false
  );
$$;

comment on function jobs.is_same_money(public.order_payments, public.order_payments) is
  'Whether a Checkout Session and an intent are known to be one payment.';

-- Contract: the payments that paid these orders, as recorded, and p_also whatever its record says; each money once: an intent whose own
-- session is among them is left out. `unsure`: the order has a session whose intent nobody knows beside an intent whose session nobody knows.
create function jobs.recorded_money(p_order_ids uuid[], p_also text default null)
returns table (payment public.order_payments, unsure boolean)
language sql stable
set search_path = ''
as $$
  with paid as (
    select p as payment
    from public.order_payments p
    where p.order_id = any (p_order_ids) and (p.state = 'paid' or p.stripe_id = p_also)
  ),
  known as (
    select p.payment, same.as_intent, not same.at_all and case (p.payment).kind
      when 'checkout_session' then (p.payment).evidence ->> 'intent' is null
      else (p.payment).evidence ->> 'session' is null
    end as is_unknown
    from paid p
    cross join lateral (
      select
        coalesce(bool_or(jobs.is_same_money(p_session => o.payment, p_intent => p.payment)), false) as as_intent,
        coalesce(bool_or(
          jobs.is_same_money(p_session => o.payment, p_intent => p.payment) or jobs.is_same_money(p_session => p.payment, p_intent => o.payment)
        ), false) as at_all
      from paid o
      where (o.payment).order_id = (p.payment).order_id
    ) same
  )
  select k.payment,
    bool_or(k.is_unknown and (k.payment).kind = 'checkout_session') over of_order
      and bool_or(k.is_unknown and (k.payment).kind = 'payment_intent') over of_order
  from known k
  where not k.as_intent
  window of_order as (partition by (k.payment).order_id);
$$;

comment on function jobs.recorded_money(uuid[], text) is 'The payments that paid orders, each money once.';

-- Contract: as before; an alert that is raised again also takes over how bad it is by now.
create or replace function jobs.raise_alert(
  p_key text,
  p_job text,
  p_severity text,
  p_message text,
  p_details jsonb,
  p_now timestamptz
) returns void
language sql
set search_path = ''
as $$
  insert into public.job_alerts as a (key, job, severity, message, details, first_seen_at, last_seen_at)
  values (p_key, p_job, p_severity, p_message, coalesce(p_details, '{}'), p_now, p_now)
  on conflict (key) where resolved_at is null do update
  set occurrences = a.occurrences + 1,
      last_seen_at = excluded.last_seen_at,
      severity = excluded.severity,
      message = excluded.message,
      details = excluded.details;
$$;

-- Contract: raises an alert for each of these orders whose money is wrong: paid by more than one payment, or expired and paid.
-- Looks at what is recorded, not at who recorded it, so that no order of events can hide it. A session and an intent that may be its
-- own are a warning, which calls for a comparison and not for a refund. One alert per order, and none for payments whose alert an
-- operator closed: it stays closed, however often a webhook is repeated.
create or replace function jobs.alert_wrong_money(p_order_ids uuid[], p_now timestamptz) returns void
language sql
set search_path = ''
as $$
  with paid as (
    select o.id, o.status, o.amount, o.currency,
      jsonb_agg((m.payment).stripe_id order by (m.payment).closed_at, (m.payment).id) as stripe_ids,
      -- two halves of the amount are no surplus; where an amount is unknown, two payments are
      count(*) > 1 and coalesce(
        sum(((m.payment).evidence ->> 'amount_received')::bigint) > o.amount
          or bool_or((m.payment).evidence ->> 'amount_received' is null),
        true
      ) as surplus,
      bool_or(m.unsure) as unsure,
      -- of three, two are not the same, whichever belong together
      count(*) = 2 and bool_or(m.unsure) as harmless
    from public.orders o
    join jobs.recorded_money(p_order_ids => p_order_ids) m on (m.payment).order_id = o.id
    where o.id = any (p_order_ids) and o.status in ('paid', 'expired')
    group by o.id
  )
  select jobs.raise_alert(
    p_key => x.key,
    p_job => null,
    p_severity => case when p.status = 'paid' and p.harmless then 'warning' else 'critical' end,
    p_message => case
      when p.status = 'expired' then 'A payment succeeded although its order is expired'
      when p.unsure then
        'An order was paid by a Checkout Session and an intent that may be its own: compare the session''s intent before you refund'
      else 'An order was paid by more than one payment'
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

revoke all on all functions in schema jobs from public;
