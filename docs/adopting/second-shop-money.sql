-- The other half of the second shop's port: money that is reported, and what the clean-up asks for.

-- A reference as jobs.each_money_once reads it.
create function shop2.payment_of(p_ref shop2.ref_watch) returns jsonb
language sql immutable
set search_path = ''
as $$
  select jsonb_build_object(
    'order_id', (p_ref).sale_id, 'kind', (p_ref).kind, 'stripe_id', (p_ref).ref, 'evidence', (p_ref).evidence
  );
$$;

create or replace function jobs.alert_wrong_money(p_order_ids uuid[], p_now timestamptz) returns void
language sql
set search_path = ''
as $$
  with recorded as (
    select r.* from shop2.ref_watch r where r.sale_id = any (p_order_ids) and r.state = 'paid'
  ),
  paid as (
    select w.id, w.status, (s.total_eur * 100)::bigint as amount, jsonb_agg(r.ref order by r.closed_at, r.id) as refs,
      count(*) > 1 and coalesce(
        sum((r.evidence ->> 'amount_received')::bigint) > (s.total_eur * 100)::bigint
          or bool_or(r.evidence ->> 'amount_received' is null), true
      ) as surplus,
      bool_or(m.is_unsure) as unsure,
      count(*) = 2 and bool_or(m.is_unsure) as harmless
    from shop2.sale_watch w
    join shop2.sales s using (sale_no)
    join recorded r on r.sale_id = w.id
    join jobs.each_money_once(p_payments => (select jsonb_agg(shop2.payment_of(r)) from recorded r)) m on m.counts and m.stripe_id = r.ref
    where w.id = any (p_order_ids) and w.status in ('paid', 'expired')
    group by w.id, s.total_eur
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
    p_details => jsonb_build_object('orderId', p.id, 'amount', p.amount, 'currency', 'eur', 'payments', p.refs),
    p_now => p_now
  )
  from paid p
  cross join lateral (select case p.status when 'paid' then 'paid_twice:' else 'late_payment:' end || p.id as key) x
  where (p.status = 'expired' or p.surplus)
    and not exists (
      select from public.job_alerts a
      where a.key = x.key and a.resolved_at is not null and a.details -> 'payments' @> p.refs
    );
$$;

-- Stripe contradicts what it said before: the record stays dead, and a person hears of the money, once.
create function shop2.alert_dead_but_paid(p_sale shop2.sale_watch, p_ref text, p_result text, p_now timestamptz) returns void
language sql
set search_path = ''
as $$
  select jobs.raise_alert(
    p_key => x.key,
    p_job => null,
    p_severity => 'critical',
    p_message => 'A payment succeeded that Stripe had called dead',
    p_details => jsonb_build_object(
      'orderId', (p_sale).id, 'amount', (s.total_eur * 100)::bigint, 'currency', 'eur',
      'payments', coalesce((
        select a.details -> 'payments' from public.job_alerts a where a.key = x.key and a.resolved_at is null
      ) - p_ref, '[]') || to_jsonb(p_ref)
    ),
    p_now => p_now
  )
  from shop2.sales s
  cross join lateral (
    select case p_result when 'paid' then 'payments_unclear:dead_but_paid' else p_result || ':' || (p_sale).id end as key
  ) x
  where s.sale_no = (p_sale).sale_no
    and not exists (
      select from public.job_alerts a where a.key = x.key and a.resolved_at is not null and a.details -> 'payments' ? p_ref
    );
$$;

-- Records that money came in, also for a reference that the checkout never wrote down. Answers whether that is news.
create function shop2.record_money(
  p_id uuid, p_ref text, p_reason text, p_evidence jsonb, p_now timestamptz, p_account text default null
) returns boolean
language plpgsql
set search_path = ''
as $$
begin
  perform set_config('shop2.lapse_records', 'on', true);
  insert into shop2.stripe_refs (ref, sale_no, account, added)
  select p_ref, w.sale_no, p_account, p_now from shop2.sale_watch w where w.id = p_id
  on conflict do nothing;
  perform set_config('shop2.lapse_records', '', true);
  update shop2.ref_watch r
  set state = 'paid', reason = p_reason, checked_at = p_now, closed_at = p_now,
      -- which session an intent belongs to stays true, whoever reports the money
      evidence = jsonb_strip_nulls(jsonb_build_object('intent', r.evidence -> 'intent', 'session', r.evidence -> 'session')) || p_evidence
  where r.ref = p_ref and r.state = 'open';
  return found;
end;
$$;

create or replace function public.mark_order_paid(p_order_id uuid, p_stripe_id text, p_now timestamptz default now()) returns text
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_sale shop2.sale_watch;
  v_ref shop2.ref_watch;
  v_money record;
  v_result text;
begin
  if not coalesce(p_stripe_id ~ '^(pi|cs)_[A-Za-z0-9_]+$', false) then
    raise exception 'Cannot mark order % as paid as p_stripe_id is no PaymentIntent or Checkout Session: current value is %',
      p_order_id, coalesce(left(p_stripe_id, 100), 'null') using errcode = 'invalid_parameter_value';
  end if;

  perform shop2.lock_sales(array[p_order_id]);
  select * into v_sale from shop2.sale_watch w where w.id = p_order_id;
  if not found then
    raise exception 'Cannot mark order as paid as it does not exist: current value is %', p_order_id using errcode = 'PT404';
  end if;
  select * into v_ref from shop2.ref_watch r where r.ref = p_stripe_id for update;
  if found and v_ref.sale_id <> p_order_id then
    raise exception 'Cannot mark order % as paid as % belongs to another order: current value is %', p_order_id, p_stripe_id, v_ref.sale_id
      using errcode = 'PT409';
  end if;

  perform shop2.record_money(p_order_id, p_stripe_id, 'reported_by_shop', '{"source": "mark_order_paid"}', p_now);
  select count(*) filter (where m.counts) as payments, bool_or(m.is_unsure) as unsure,
    bool_or(m.is_known) filter (where m.stripe_id = p_stripe_id) as known
  into v_money
  from jobs.each_money_once(p_payments => (
    select jsonb_agg(shop2.payment_of(r)) from shop2.ref_watch r where r.sale_id = p_order_id and (r.state = 'paid' or r.ref = p_stripe_id)
  )) m;
  v_result := case
    when v_sale.status = 'expired' then 'late_payment'
    when v_sale.status <> 'paid' then 'paid'
    when v_ref.state = 'paid' then 'already_paid'
    -- Recorded dead, and it paid the sale all the same; or the shop said `paid` itself, and Stripe tells by what: no second payment.
    when v_money.known or v_money.payments <= 1 then 'already_paid'
    when v_money.unsure then 'maybe_paid_twice'
    else 'paid_twice'
  end;
  if v_result = 'paid' then
    update shop2.sale_watch w
    set status = 'paid', status_reason = 'reported_by_shop', closed_at = p_now, next_check_at = null, claimed_by = null
    where w.id = p_order_id;
    update shop2.sales s set state = 'paid' where s.sale_no = v_sale.sale_no;
  end if;
  perform jobs.alert_wrong_money(p_order_ids => array[p_order_id], p_now => p_now);
  if v_ref.state = 'dead' and v_result <> 'already_paid' then
    perform shop2.alert_dead_but_paid(p_sale => v_sale, p_ref => p_stripe_id, p_result => replace(v_result, 'maybe_', ''), p_now => p_now);
  end if;
  return v_result;
end;
$$;

create or replace function jobs.shop_stale_payments(p_livemode boolean, p_limit integer)
returns table (kind text, stripe_id text, stripe_account text, order_id uuid)
language sql stable
set search_path = ''
as $$
  select r.kind, r.ref, r.account, r.sale_id
  from shop2.ref_watch r
  -- offset 0 keeps the planner from reading all sales there ever were, which it likes once many payments are open
  cross join lateral (
    select from shop2.sale_watch w where w.id = r.sale_id and w.status in ('paid', 'expired') offset 0
  ) closed
  where r.state = 'open'
    and not exists (
      select from jobs.revisits v where v.livemode = p_livemode and v.stripe_id = r.ref and v.stripe_account = coalesce(r.account, '')
    )
  order by r.sale_id, r.id
  limit p_limit;
$$;

create or replace function jobs.shop_payment_json(p_kind text, p_stripe_id text, p_stripe_account text, p_order_id uuid) returns jsonb
language sql stable
set search_path = ''
as $$
  select jsonb_build_object(
    'kind', p_kind,
    'stripeId', p_stripe_id,
    'stripeAccount', p_stripe_account,
    'orderId', x.sale_id,
    'order', (
      select jsonb_build_object('status', w.status, 'amount', (s.total_eur * 100)::bigint, 'currency', 'eur')
      from shop2.sale_watch w
      join shop2.sales s using (sale_no)
      where w.id = x.sale_id
    ),
    'recordedState', r.state,
    'paidBy', coalesce((
      select jsonb_agg(jsonb_build_object('kind', o.kind, 'stripeId', o.ref, 'intent', o.evidence ->> 'intent') order by o.ref)
      from shop2.ref_watch o
      where o.sale_id = x.sale_id and o.state = 'paid' and o.id is distinct from r.id
    ), '[]'),
    'openSession', exists (
      select from shop2.ref_watch o
      where o.sale_id = x.sale_id and o.kind = 'checkout_session' and o.state = 'open' and o.id is distinct from r.id
    )
  )
  from (select) as one
  left join shop2.ref_watch r on r.ref = p_stripe_id
  cross join lateral (select coalesce(r.sale_id, p_order_id) as sale_id) x;
$$;

create or replace function jobs.shop_lock_for_payments(p_order_ids uuid[]) returns void
language plpgsql
set search_path = ''
as $$
begin
  perform shop2.lock_sales(p_order_ids);
  perform shop2.lock_stock(p_order_ids);
end;
$$;

create or replace function jobs.shop_record_payment(p_decision jsonb, p_state text, p_now timestamptz) returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_evidence jsonb := coalesce(nullif(p_decision -> 'evidence', 'null'), '{}');
begin
  if p_state = 'paid' then
    return shop2.record_money(
      (p_decision ->> 'orderId')::uuid, p_decision ->> 'stripeId', p_decision ->> 'reason', v_evidence, p_now,
      p_decision ->> 'stripeAccount'
    );
  end if;
  update shop2.ref_watch r
  set state = p_state, reason = p_decision ->> 'reason', evidence = v_evidence, checked_at = p_now,
      closed_at = case when p_state <> 'open' then p_now end
  where r.ref = p_decision ->> 'stripeId' and r.state = 'open';
  return found and p_state <> 'open';
end;
$$;

create or replace function jobs.shop_settle_paid(p_decision jsonb, p_now timestamptz) returns text
language plpgsql
set search_path = ''
as $$
declare
  v_id uuid := (p_decision ->> 'orderId')::uuid;
  v_result text;
begin
  if not exists (select from shop2.sale_watch w where w.id = v_id) then
    return 'no_order';
  end if;
  v_result := public.mark_order_paid(p_order_id => v_id, p_stripe_id => p_decision ->> 'stripeId', p_now => p_now);
  if v_result = 'paid' then
    update shop2.sale_watch w set status_reason = p_decision ->> 'reason' where w.id = v_id;
  end if;
  return v_result;
end;
$$;
