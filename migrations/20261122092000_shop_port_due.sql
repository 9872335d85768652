-- The shop behind the jobs, first part: which orders are due, and what a run has to know of one.
--
-- Everything the jobs know of the shop's tables stands in the files called *_shop_port_*. A shop with tables of its own writes these
-- functions anew (docs/adopting.md) and keeps the rest of Lapse as it is. Each function has its contract above it. None of them
-- judges, paces or counts: that is the jobs' part.

-- Contract: how many orders are due, counted up to p_cap, and since when the oldest one is.
create function jobs.shop_due(p_now timestamptz, p_cap integer)
returns table (due integer, oldest timestamptz)
language sql stable
set search_path = ''
as $$
  select count(*)::integer, min(d.next_check_at)
  from (
    select o.next_check_at
    from public.orders o
    where o.status in ('pending', 'expiring') and o.next_check_at <= p_now
    order by o.next_check_at, o.id
    limit p_cap
  ) d;
$$;

comment on function jobs.shop_due(timestamptz, integer) is 'Number of due orders, up to a cap, and the oldest due time.';

-- Contract: what a run needs to know of these orders, as the functions parse it (functions/_shared/orders.ts).
create function jobs.shop_order_json(p_order public.orders) returns jsonb
language sql stable
set search_path = ''
as $$
  select jsonb_build_object(
    'id', (p_order).id,
    'attempt', (p_order).attempt,
    'failures', (p_order).failures,
    'amount', (p_order).amount,
    'currency', (p_order).currency,
    'expiresAt', (p_order).expires_at,
    'payments', coalesce((
      select jsonb_agg(jsonb_build_object(
        'id', p.id,
        'kind', p.kind,
        'stripeId', p.stripe_id,
        'stripeAccount', p.stripe_account,
        'state', p.state,
        'graceUntil', p.grace_until,
        'createdAt', p.created_at
      ) order by p.created_at, p.id)
      from public.order_payments p
      where p.order_id = (p_order).id
    ), '[]')
  );
$$;

comment on function jobs.shop_order_json(public.orders) is 'An order with its payments, as a run reads it.';

-- Contract: the same orders as a claim would take, and those without payments, oldest first; no lock, no change.
create function jobs.shop_preview(p_now timestamptz, p_limit integer) returns jsonb
language sql stable
set search_path = ''
as $$
  with due as (
    select o.*
    from public.orders o
    where o.status in ('pending', 'expiring') and o.next_check_at <= p_now
    order by o.next_check_at, o.id
    limit p_limit
  )
  select coalesce(jsonb_agg(jobs.shop_order_json(row(d.*)::public.orders) order by d.next_check_at, d.id), '[]') from due d;
$$;

comment on function jobs.shop_preview(timestamptz, integer) is 'Due orders as a dry run reads them.';

-- Contract: a quarantined order becomes pending again and is due at once; its failures start anew. Raises PT404 or PT409.
create function jobs.shop_redrive(p_order_id uuid, p_reason text, p_requested_by text, p_now timestamptz) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_order public.orders;
begin
  select * into v_order from public.orders o where o.id = p_order_id for update;
  if not found then
    raise exception 'Cannot redrive order as it does not exist: current value is %', p_order_id using errcode = 'PT404';
  end if;
  if v_order.status <> 'quarantined' then
    raise exception 'Cannot redrive order % as it is not quarantined: current value is %', p_order_id, v_order.status
      using errcode = 'PT409';
  end if;

  update public.orders o
  set status = 'pending', next_check_at = p_now, failures = 0,
      status_reason = format('redriven by %s: %s', p_requested_by, p_reason)
  where o.id = p_order_id
  returning * into v_order;
  return jobs.shop_order_json(v_order);
end;
$$;

comment on function jobs.shop_redrive(uuid, text, text, timestamptz) is 'Gives a quarantined order back to the job.';

-- Contract: an order is due at once, whatever it was waiting for: a pending one past its deadline and grace, or a quarantined one, whose
-- failures start anew. Raises PT404 for an unknown order, PT409 for any other: before the deadline the run would end payments the customer
-- may still make, and an order that a run holds or that is closed has nothing to be asked.
create function jobs.shop_make_due(p_order_id uuid, p_reason text, p_requested_by text, p_now timestamptz) returns void
language plpgsql
set search_path = ''
as $$
declare
  v_order public.orders;
begin
  select * into v_order from public.orders o where o.id = p_order_id for update;
  if not found then
    raise exception 'Cannot synchronise order as it does not exist: current value is %', p_order_id using errcode = 'PT404';
  end if;

  if v_order.status = 'quarantined' then
    perform jobs.shop_redrive(p_order_id => p_order_id, p_reason => p_reason, p_requested_by => p_requested_by, p_now => p_now);
    return;
  end if;
  if v_order.status <> 'pending' then
    raise exception 'Cannot synchronise order % as it is neither pending nor quarantined: current value is %', p_order_id, v_order.status
      using errcode = 'PT409';
  end if;
  if v_order.expires_at + v_order.grace > p_now then
    raise exception 'Cannot synchronise order % as the customer may still pay it until %: current value is %', p_order_id,
      to_char((v_order.expires_at + v_order.grace) at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"'), v_order.status
      using errcode = 'PT409';
  end if;

  update public.orders o set next_check_at = p_now where o.id = p_order_id;
end;
$$;

comment on function jobs.shop_make_due(uuid, text, text, timestamptz) is 'Makes one order due at once, for a manual synchronisation.';

revoke all on all functions in schema jobs from public;
