-- Late money: what follows when a payment succeeds although its order is closed, and when a paid order got too much.
--
-- settings.late_payments decides. An alert is for a person. A revival takes the order's stock again in the transaction
-- that records the money. A refund is queued in it. Each happens once: only an expired order is revived, a revived one
-- is paid, and a payment has one row in lapse.refunds at most.

-- Contract: the shop takes the stock of an expired order again and calls it paid. The caller has locked the order in the
-- shop and in the ledger. False if the shop has no lapse_shop.revive_order, or it cannot. What the shop says is checked:
-- an answer that does not agree with its row, or an error, undoes what it did and raises an alert. Locks that cannot be
-- had are raised, because the caller may try again: a run gives way after 200 ms, a call of the shop's own
-- (p_patient) waits as long as the shop allows.
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

comment on function lapse.revive_shop_order(text, boolean, timestamptz) is
  'The shop takes the stock of an expired order again and calls it paid. False if that is impossible.';

-- Contract: queues the refund of a payment, once. A session and its own intent are one payment. p_amount is null where
-- it is not known; p_expected is then what the order cost. Money of nothing is not given back. Waits for no other
-- transaction, because the shop's own calls get here: lapse.claim_refunds applies the day's limits.
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
  on conflict (stripe_id) do nothing;
$$;

comment on function lapse.queue_refund(lapse.payments, text, bigint, bigint, text, timestamptz) is
  'Queues the refund of a payment, once.';

-- Contract: deals with late and surplus money of these locked orders as the settings say, and then alerts about what is
-- left to a person. Returns the refs of revived orders. Call it after everything else but closing orders in the shop:
-- from a revival to the commit, a checkout of the same article waits.
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
  if v_settings.late_payments <> 'alert' then
    for v_late in
      select o.ref, o.amount, bool_and(m.received is not null) as is_known, sum(m.received) as received,
        bool_and(o.currency is null or coalesce(m.currency, o.currency) = o.currency) as is_own_currency,
        o.status = 'expired' and o.reason is distinct from 'closed_by_shop' as is_expired_by_lapse,
        -- one that failed leaves the money with the shop
        exists (select from lapse.refunds r where r.ref = o.ref and r.status <> 'failed') as is_being_refunded
      from lapse.orders o
      join lapse.money_kept(p_refs => p_refs) m on m.ref = o.ref
      where o.ref = any (p_refs) and (o.status = 'expired' or o.reason in ('closed_by_shop', 'late_payment'))
        and o.status <> 'paid'
      group by o.ref
      order by o.ref
    loop
      -- The callers have locked the row. The shop may have sold the order after all, and told nobody.
      select s.state into v_state from lapse.lock_shop_orders(p_refs => array[v_late.ref], p_wait => p_patient) s;
      continue when coalesce(v_state not in ('closed', 'gone'), true);
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
          p_currency => (select o.currency from lapse.orders o where o.ref = v_late.ref), p_now => p_now
        )
        from lapse.money_kept(p_refs => array[v_late.ref]) m
        join lapse.payments p on p.stripe_id = m.stripe_id
        order by m.stripe_id;
      end if;
    end loop;
  end if;
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

comment on function lapse.settle_wrong_money(text[], boolean, timestamptz) is
  'Revives, refunds or alerts about late and surplus money, as the settings say. Returns the revived orders.';

-- Contract: of each of these paid orders the latest payment without which it is still paid in full. Only where every
-- amount is known, and no session may be the same payment as an intent.
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

comment on function lapse.surplus_payments(text[]) is 'Payments without which their paid order is still paid in full.';

-- Contract: closes the alerts about late and surplus money that Stripe shows as given back.
create function lapse.resolve_returned_money(p_refs text[], p_now timestamptz) returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
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
$$;

comment on function lapse.resolve_returned_money(text[], timestamptz) is
  'Closes the alerts about late and surplus money that was given back.';
