-- declare_dead and resolve_order: an operator decides what Stripe cannot answer.
--
-- A separate run records who decided and why. The operator's word covers only payments that Stripe can neither find
-- nor cancel. It never overrules a payment that succeeded or may still succeed.

-- Records decisions of an operator in a separate, finished run and returns its id.
create function lapse.record_operators_decisions(
  p_ref text, p_reason text, p_requested_by text, p_decisions lapse.decision[], p_now timestamptz
) returns uuid
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_run lapse.runs;
begin
  insert into lapse.runs (
    job, status, trigger, requested_by, reason, item_limit, ref, operator_word, created_at, started_at, finished_at,
    duration_ms
  )
  values (
    'expire-stale-orders', 'succeeded', 'server', p_requested_by, p_reason, 1, p_ref, true, p_now, p_now, p_now, 0
  )
  returning * into v_run;
  perform lapse.record_decisions(p_run => v_run, p_decisions => p_decisions, p_now => p_now);
  return v_run.id;
end;
$$;

-- Contract: declares one payment dead on an operator's word and returns its order to the job, which asks Stripe about
-- all other payments as usual and expires the order only if they are dead as well. Only while the payment is open, its
-- order is quarantined, and its last inspection says that Stripe can neither find nor cancel it. Stripe's last answer
-- is kept, with who declared the payment dead, why and when. Returns {"ref", "runId"}. Raises 22023, PT404 for an
-- unknown payment, PT409 otherwise.
create function lapse.declare_dead(
  p_stripe_id text,
  p_reason text,
  p_requested_by text,
  p_now timestamptz default now()
) returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_order lapse.orders;
  v_payment lapse.payments;
begin
  perform lapse.check_operator(
    p_what => 'declare payment dead', p_reason => p_reason, p_requested_by => p_requested_by
  );
  -- The order first, as everywhere. A payment never changes its order.
  select o.* into v_order
  from lapse.orders o
  join lapse.payments p on p.ref = o.ref
  where p.stripe_id = p_stripe_id
  for no key update of o;
  if not found then
    raise exception 'Cannot declare payment % dead: Lapse does not know it', coalesce(left(p_stripe_id, 100), 'null')
      using errcode = 'PT404';
  end if;
  select * into v_payment from lapse.payments p where p.stripe_id = p_stripe_id for no key update;

  if v_payment.state <> 'open' then
    raise exception 'Cannot declare payment % dead: it is %', p_stripe_id, v_payment.state using errcode = 'PT409';
  end if;
  if v_order.status <> 'quarantined' then
    raise exception 'Cannot declare payment % dead: its order is %, not quarantined', p_stripe_id, v_order.status
      using errcode = 'PT409';
  end if;
  if not lapse.needs_operator(p_reason => v_payment.reason) then
    raise exception 'Cannot declare payment % dead: its last inspection ended as %, so Stripe may still have an answer',
      p_stripe_id, coalesce(v_payment.reason, 'nothing') using errcode = 'PT409',
      hint = 'Redrive the order, or cancel the payment at Stripe.';
  end if;

  update lapse.payments p
  set state = 'dead',
      reason = 'declared_dead',
      evidence = coalesce(p.evidence, '{}') || jsonb_build_object(
        'declared_by', p_requested_by, 'declared_because', p_reason, 'declared_at', p_now, 'last_reason', p.reason
      ),
      closed_at = p_now
  where p.stripe_id = p_stripe_id
  returning * into v_payment;
  perform lapse.make_due(
    p_order => v_order, p_now => p_now,
    p_reason => format('redriven by %s: %s declared dead: %s', p_requested_by, p_stripe_id, p_reason)
  );
  return jsonb_build_object('ref', v_order.ref, 'runId', lapse.record_operators_decisions(
    p_ref => v_order.ref, p_reason => p_reason, p_requested_by => p_requested_by, p_now => p_now,
    p_decisions => array[row(
      v_payment.kind, v_payment.ref, v_payment.stripe_id, 'found_dead', v_payment.reason, 0, null, v_payment.evidence
    )::lapse.decision]
  ));
end;
$$;

comment on function lapse.declare_dead(text, text, text, timestamptz) is
  'Declares one payment dead that Stripe can neither find nor cancel, and returns its order to the job.';

create function public.lapse_declare_dead(p_stripe_id text, p_reason text, p_requested_by text) returns jsonb
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
  select lapse.declare_dead(
    p_stripe_id => p_stripe_id, p_reason => p_reason, p_requested_by => p_requested_by, p_now => now()
  );
$$;

comment on function public.lapse_declare_dead(text, text, text) is
  'Declares one payment dead that Stripe can neither find nor cancel. For the operator''s tools (secret key) only.';

-- Contract: why an operator may not expire an order: a payment succeeded, or according to its last inspection may
-- still succeed. Null if the operator may.
create function lapse.expiry_obstacle(p_ref text) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select case p.state
    when 'paid' then format('payment %s is paid', p.stripe_id)
    else format('payment %s may still bring money: its last inspection ended as %s', p.stripe_id, p.reason)
  end
  from lapse.payments p
  where p.ref = p_ref and (
    p.state = 'paid'
    or p.state = 'open' and (
      p.reason in (
        'processing', 'requires_capture', 'voucher_open', 'slow_method', 'session_settling', 'customer_action',
        'partly_received',
        'amount_mismatch', 'funding_unknown', 'session_contradicts', 'paid_record_contradicted',
        'dead_record_contradicted'
      )
      -- the bank has taken back what is disputed
      or p.reason is distinct from 'disputed' and p.evidence ->> 'amount_received' ~ '[1-9]'
    )
  )
  order by p.state = 'paid' desc, p.stripe_id
  limit 1;
$$;

-- Contract: an operator decides about an order.
--   paid     Marks the order paid, in the ledger and in the shop; the next run cancels its open payments. For any open
--            or quarantined order; for one that the shop closed otherwise, only if money for it is recorded. Returns
--            {"ref", "status"}.
--   expired  Makes a quarantined order due and queues a run restricted to it, which asks Stripe and cancels what it can.
--            On the operator's word, the run declares payments dead that Stripe can neither find nor cancel. Refused
--            if a payment is paid, or if its last inspection says that money may still come. Returns {"ref", "runId"},
--            the run to request from the function.
-- Raises 22023, PT404, PT409, and LP002 if the shop refuses.
create function lapse.resolve_order(
  p_ref text, p_as text, p_reason text, p_requested_by text, p_now timestamptz default now()
) returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_order lapse.orders;
  v_shop text;
  v_why_not text;
begin
  perform lapse.check_operator(p_what => 'resolve order', p_reason => p_reason, p_requested_by => p_requested_by);
  if p_as is null or p_as not in ('paid', 'expired') then
    raise exception 'Cannot resolve order % as %: it can be resolved as paid or as expired', p_ref,
      coalesce(p_as, 'null')
      using errcode = 'invalid_parameter_value';
  end if;

  -- The shop's row first, as everywhere.
  if p_as = 'paid' then
    select s.state into v_shop from lapse.lock_shop_orders(p_refs => array[p_ref], p_wait => true) s;
  end if;
  v_order := lapse.lock_watched_order(p_what => 'resolve order', p_ref => p_ref, p_now => p_now);
  v_why_not := case
    when v_order.status in ('paid', 'expired') then 'it is ' || v_order.status
    when p_as = 'expired' and v_order.status <> 'quarantined' then format('it is %s, not quarantined', v_order.status)
    when p_as = 'expired' then lapse.expiry_obstacle(p_ref => p_ref)
    when v_shop is null then 'the shop does not report its state'
    when v_shop in ('closed', 'gone')
      and not exists (select from lapse.payments p where p.ref = p_ref and p.state = 'paid')
      then 'the shop closed it unpaid, and no money for it is recorded'
  end;
  if v_why_not is not null then
    raise exception 'Cannot resolve order % as %: %', p_ref, p_as, v_why_not using errcode = 'PT409';
  end if;

  if p_as = 'expired' then
    perform lapse.make_due(
      p_order => v_order, p_now => p_now, p_reason => format('resolved as expired by %s: %s', p_requested_by, p_reason)
    );
    return jsonb_build_object('ref', p_ref, 'runId', lapse.queue_run_of_one(
      p_ref => p_ref, p_reason => p_reason, p_requested_by => p_requested_by, p_operator_word => true, p_now => p_now
    ));
  end if;

  update lapse.orders o
  set status = 'paid',
      reason = format('resolved as paid by %s: %s', p_requested_by, p_reason),
      next_check_at = case
        when exists (select from lapse.payments p where p.ref = o.ref and p.state = 'open') then p_now
      end,
      run_id = null,
      closed_at = p_now
  where o.ref = p_ref;
  perform lapse.record_operators_decisions(
    p_ref => p_ref, p_reason => p_reason, p_requested_by => p_requested_by, p_now => p_now,
    p_decisions => array[row('order', p_ref, null, 'paid', 'operator_word', 0, null, null)::lapse.decision]
  );
  perform lapse.alert_wrong_money(p_refs => array[p_ref], p_now => p_now);
  if v_shop = 'open' then
    perform lapse.finish_shop_orders(p_expired => '{}', p_paid => array[p_ref]);
  end if;
  return jsonb_build_object('ref', p_ref, 'status', 'paid');
end;
$$;

comment on function lapse.resolve_order(text, text, text, text, timestamptz) is
  'An operator resolves an order as paid or as expired.';

create function public.lapse_resolve_order(p_ref text, p_as text, p_reason text, p_requested_by text) returns jsonb
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
  select lapse.resolve_order(
    p_ref => p_ref, p_as => p_as, p_reason => p_reason, p_requested_by => p_requested_by, p_now => now()
  );
$$;

comment on function public.lapse_resolve_order(text, text, text, text) is
  'An operator resolves an order as paid or as expired. For the operator''s tools (secret key) only.';
