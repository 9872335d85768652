-- A Checkout Session and the PaymentIntent that Stripe made for it are one payment under two ids. A shop that attached both, or whose
-- webhook did, was paid once; whoever is told "paid twice: refund the surplus" gives the customer's only payment back.
--
-- What Stripe said is kept as evidence: `intent` of a session, `session` of an intent that the clean-up asked about ("none": it has
-- none). Where nobody asked, as with a session that only the shop's webhook reported, a session and an intent may be one, and neither an
-- alert nor mark_order_paid may call for a refund of either.

-- Contract: tells the money of orders apart. p_payments are the payments that paid them, as a JSON list of order_id, kind, stripe_id and
-- evidence. Of each: `counts`, false for an intent whose own session is among them; `is_known`, whether it is such an intent or such a
-- session; `is_unsure`, whether its order has a session whose intent nobody knows beside an intent whose session nobody knows.
create function jobs.each_money_once(p_payments jsonb)
returns table (order_id uuid, stripe_id text, counts boolean, is_known boolean, is_unsure boolean)
language sql stable
set search_path = ''
as $$
  with paid as (
    select (p ->> 'order_id')::uuid as order_id, p ->> 'kind' as kind, p ->> 'stripe_id' as stripe_id,
      p #>> '{evidence,intent}' as intent, p #>> '{evidence,session}' as session
    from jsonb_array_elements(p_payments) p
  ),
  -- sessions with their own intents
  pairs as (
    select s.stripe_id as session, i.stripe_id as intent
    from paid s
    join paid i on i.order_id = s.order_id and (s.intent = i.stripe_id or i.session = s.stripe_id)
    where s.kind = 'checkout_session' and i.kind = 'payment_intent'
  ),
  paired as (
    select p.*,
      exists (select from pairs x where x.intent = p.stripe_id) as is_own,
      exists (select from pairs x where p.stripe_id in (x.intent, x.session)) as is_known
    from paid p
  )
  select p.order_id, p.stripe_id, not p.is_own, p.is_known,
    bool_or(p.kind = 'checkout_session' and p.intent is null and not p.is_known) over of_order
      and bool_or(p.kind = 'payment_intent' and p.session is null and not p.is_known) over of_order
  from paired p
  window of_order as (partition by p.order_id);
$$;

comment on function jobs.each_money_once(jsonb) is 'Tells the money of orders apart: a session and its own intent are one payment.';

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
  with recorded as (
    select p.* from public.order_payments p where p.order_id = any (p_order_ids) and p.state = 'paid'
  ),
  paid as (
    select o.id, o.status, o.amount, o.currency, jsonb_agg(p.stripe_id order by p.closed_at, p.id) as stripe_ids,
      -- two halves of the amount are no surplus; where an amount is unknown, two payments are
      count(*) > 1 and coalesce(
        sum((p.evidence ->> 'amount_received')::bigint) > o.amount or bool_or(p.evidence ->> 'amount_received' is null), true
      ) as surplus,
      bool_or(m.is_unsure) as unsure,
      -- of three, two are not the same, whichever belong together
      count(*) = 2 and bool_or(m.is_unsure) as harmless
    from public.orders o
    join recorded p on p.order_id = o.id
    join jobs.each_money_once(p_payments => (select jsonb_agg(to_jsonb(r)) from recorded r)) m
      on m.counts and m.order_id = p.order_id and m.stripe_id = p.stripe_id
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
