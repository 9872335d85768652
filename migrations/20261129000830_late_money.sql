-- Late money: what to do when a payment succeeds although its order is closed, and when an order was overpaid.
--
-- settings.late_payments decides. An alert asks a person. A revival reserves the order's stock again in the
-- transaction that records the money; a refund is queued in that transaction. Each happens once: only an expired order
-- is revived, a revived one is paid, and a payment has one row in lapse.refunds at most.

-- Contract: lets the shop reserve the stock of an expired order again and mark it paid. The caller has locked the
-- order in the shop and in the ledger. False if the shop has no lapse_shop.revive_order, or cannot revive the order.
-- The result is checked: if it contradicts the shop's row, or the function fails, everything is rolled back and an
-- alert is raised. A lock timeout is raised to the caller, who may retry: a run gives way after 200 ms, a call of the
-- shop (p_patient) waits as long as the shop allows.
create function lapse.revive_shop_order(p_ref text, p_patient boolean, p_now timestamptz) returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_lock_timeout text := current_setting('lock_timeout');
  v_settling text := coalesce(current_setting('lapse.settling', true), '');
  v_revived boolean;
  v_state text;
begin
  if to_regprocedure('lapse_shop.revive_order(text)') is null then
    return false;
  end if;
  begin
    perform set_config('lapse.settling', 'on', true);
    if not p_patient then
      perform set_config('lock_timeout', '200ms', true);
    end if;
    v_revived := coalesce(lapse_shop.revive_order(p_ref => p_ref), false);
    perform set_config('lapse.settling', v_settling, true);
    perform set_config('lock_timeout', v_lock_timeout, true);
    select s.state into v_state from lapse.lock_shop_orders(p_refs => array[p_ref], p_wait => true) s;
    if coalesce(v_state, 'unknown') <> (case when v_revived then 'paid' else 'closed' end) then
      raise exception 'lapse_shop.revive_order returned %, and the order is %', v_revived, coalesce(v_state, 'not reported')
        using errcode = 'LP002';
    end if;
    return v_revived;
  exception
    when lock_not_available or deadlock_detected or serialization_failure or query_canceled then
      raise;
    when others then
      perform lapse.raise_alert(
        p_key => 'revive_failed:' || p_ref, p_job => null, p_severity => 'critical',
        p_message => 'The shop''s adapter failed to revive an order, so its money is treated like any other late payment',
        p_details => jsonb_build_object('ref', p_ref, 'cause', sqlerrm), p_now => p_now
      );
      return false;
  end;
end;
$$;

-- Contract: queues the refund of a payment, once. A session and its own intent are one payment. p_amount is null if it
-- is unknown; p_expected is then the order's amount. An amount of 0 is not refunded. A refund that was not needed is
-- queued again. Waits for no other transaction, because the shop's own calls use it: lapse.claim_refunds applies the
-- day's limits.
create function lapse.queue_refund(
  p_payment lapse.payments, p_reason text, p_amount bigint, p_expected bigint, p_currency text, p_now timestamptz
) returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  insert into lapse.refunds (stripe_id, ref, account, reason, amount, currency, next_attempt_at, created_at)
  select (p_payment).stripe_id, (p_payment).ref, (p_payment).account, p_reason, coalesce(p_amount, p_expected),
    coalesce((p_payment).evidence ->> 'currency', p_currency), p_now, p_now
  where coalesce(p_amount, p_expected, 1) > 0
    and not lapse.is_being_refunded(p_stripe_id => (p_payment).stripe_id, p_ref => (p_payment).ref)
  on conflict (stripe_id) do update
  set status = 'queued', reason = excluded.reason, amount = excluded.amount, currency = excluded.currency, error = null,
      next_attempt_at = p_now, ended_at = null
  where refunds.status = 'not_needed';
$$;

-- Contract: the shop sold an order that had expired; the caller has locked its row there. The ledger marks it paid as
-- well, so its money is no longer late.
create function lapse.follow_sale(p_ref text, p_now timestamptz) returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  update lapse.orders o
  set status = 'paid', reason = 'closed_by_shop', closed_at = p_now
  where o.ref = p_ref and o.status = 'expired';
  select lapse.resolve_alert(p_key => 'late_payment:' || p_ref, p_now => p_now);
$$;

-- Contract: handles late and surplus money of these locked orders as the settings say, and raises alerts about the
-- rest. Returns the refs of revived orders. Call it after everything else but closing orders in the shop: from a
-- revival to the commit, a checkout of the same article waits.
create function lapse.settle_wrong_money(p_refs text[], p_patient boolean, p_now timestamptz) returns text[]
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_settings lapse.settings := (select s from lapse.settings s);
  v_late record;
  v_state text;
  v_revived text[] := '{}';
begin
  -- Nearly always nobody has paid. The queries below would cost a sixth of such a settlement.
  if not exists (select from lapse.payments p where p.ref = any (p_refs) and p.state = 'paid') then
    return v_revived;
  end if;
  for v_late in
    select o.ref, o.amount, o.currency, bool_and(m.received is not null) as is_known, sum(m.received) as received,
      bool_and(o.currency is null or coalesce(m.currency, o.currency) = o.currency) as is_own_currency,
      o.status = 'expired' and o.reason is distinct from 'closed_by_shop' as is_expired_by_lapse,
      -- one that failed leaves the money with the shop
      exists (
        select from lapse.refunds r where r.ref = o.ref and r.status not in ('failed', 'not_needed')
      ) as is_being_refunded
    from lapse.orders o
    join lapse.money_kept(p_refs => p_refs) m on m.ref = o.ref
    where o.ref = any (p_refs) and (o.status = 'expired' or o.reason in ('closed_by_shop', 'late_payment'))
      and o.status <> 'paid'
    group by o.ref
    order by o.ref
  loop
    -- The callers have locked the row. The shop may have sold the order after all without reporting it.
    select s.state into v_state from lapse.lock_shop_orders(p_refs => array[v_late.ref], p_wait => p_patient) s;
    if v_state = 'paid' then
      perform lapse.follow_sale(p_ref => v_late.ref, p_now => p_now);
    end if;
    continue when coalesce(v_state not in ('closed', 'gone'), true) or v_settings.late_payments = 'alert';
    if v_late.is_expired_by_lapse and v_late.is_own_currency and not v_late.is_being_refunded
      -- an unknown amount counts as all of it, as in mark_paid
      and (not v_late.is_known or v_late.received >= coalesce(v_late.amount, 0))
      and lapse.revive_shop_order(p_ref => v_late.ref, p_patient => p_patient, p_now => p_now)
    then
      update lapse.orders o
      set status = 'paid', reason = 'revived', closed_at = p_now,
          next_check_at = case
            when exists (select from lapse.payments p where p.ref = o.ref and p.state = 'open') then p_now
          end
      where o.ref = v_late.ref;
      v_revived := v_revived || v_late.ref;
    elsif v_settings.late_payments = 'revive_or_refund' then
      perform lapse.queue_refund(
        p_payment => p, p_reason => 'order_expired', p_amount => m.received, p_expected => v_late.amount,
        p_currency => v_late.currency, p_now => p_now
      )
      from lapse.money_kept(p_refs => array[v_late.ref]) m
      join lapse.payments p on p.stripe_id = m.stripe_id
      order by m.stripe_id;
    end if;
  end loop;
  if v_settings.refund_surplus then
    perform lapse.queue_refund(
      p_payment => s.payment, p_reason => 'paid_twice', p_amount => s.received, p_expected => null,
      p_currency => s.currency, p_now => p_now
    )
    from lapse.surplus_payments(p_refs => p_refs) s;
  end if;
  perform lapse.alert_wrong_money(p_refs => p_refs, p_now => p_now);
  return v_revived;
end;
$$;

-- Contract: for each of these paid orders, the latest payment without which it is still paid in full. Only if every
-- amount is known and no session may be the same payment as an intent.
create function lapse.surplus_payments(p_refs text[])
returns table (payment lapse.payments, received bigint, currency text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with kept as (
    select m.*, o.amount, o.currency as order_currency, p.closed_at,
      sum(m.received) over of_order as total,
      bool_or(m.received is null or m.is_unsure or coalesce(m.currency <> o.currency, false)) over of_order as is_doubtful
    from lapse.money_kept(p_refs => p_refs) m
    join lapse.orders o on o.ref = m.ref and o.status = 'paid'
    join lapse.payments p on p.stripe_id = m.stripe_id
    window of_order as (partition by m.ref)
  )
  select distinct on (k.ref) p, k.received, k.order_currency
  from kept k
  join lapse.payments p on p.stripe_id = k.stripe_id
  where not k.is_doubtful and k.received > 0 and k.total - k.received >= k.amount
    and not exists (select from lapse.refunds r where r.ref = k.ref and r.reason = 'paid_twice' and r.status <> 'succeeded')
  order by k.ref, k.closed_at desc, k.stripe_id desc;
$$;

-- Contract: closes what was open only because of money that Stripe now shows as refunded: alerts about late and
-- surplus money, and the quarantine of an order that the shop had closed. The caller has locked the orders, and then
-- the payments.
create function lapse.resolve_returned_money(p_refs text[], p_now timestamptz) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_settled text[] := array(
    select o.ref
    from lapse.orders o
    where o.ref = any (p_refs) and o.status = 'quarantined' and o.reason = 'late_payment'
      and not exists (
        select from lapse.payments p
        where p.ref = o.ref
          and (p.state = 'open' or p.state = 'paid' and not lapse.is_refunded(p_evidence => p.evidence))
      )
      -- a bank may still send a pending one back
      and not exists (select from lapse.refunds r where r.ref = o.ref and r.status in ('queued', 'pending'))
  );
begin
  update lapse.payments p
  set state = 'dead', reason = 'refunded', closed_at = p_now
  where p.ref = any (v_settled) and p.state = 'paid';
  update lapse.orders o
  set status = 'expired', reason = 'closed_by_shop', closed_at = p_now, next_check_at = null
  where o.ref = any (v_settled);

  update lapse.alerts a
  set resolved_at = p_now
  where a.resolved_at is null
    and a.key in (select kind || ref from unnest(p_refs) ref, unnest(array['late_payment:', 'paid_twice:', 'refund_failed:']) kind)
    and (
      not exists (
        select from jsonb_array_elements_text(a.details -> 'payments') named (stripe_id)
        where not exists (select from lapse.payments p where p.stripe_id = named.stripe_id and lapse.is_refunded(p_evidence => p.evidence))
      )
      or a.key like 'paid_twice:%' and not exists (
        select from lapse.wrong_money(p_refs => p_refs) w where w.key = a.key
      )
    );
end;
$$;
