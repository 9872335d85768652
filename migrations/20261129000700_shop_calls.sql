-- Calls of the shop's checkout: watch an order, attach its payment, follow an order that the shop closed itself.
--
-- Every call locks the shop's row first, like every other writer, so the shop may make it anywhere in its transaction.
-- Then it folds the order's inbox entries, and then it locks the ledger's row. No call locks a row that other orders
-- need.

-- The ref under which Lapse knows an order. A uuid in capitals is the same uuid, unless the shop itself writes it in
-- capitals.
create function lapse.known_ref(p_ref text) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_ref ~ '[A-F]' and p_ref ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
    and not exists (select from lapse.orders o where o.ref = p_ref)
    and not exists (select from lapse.inbox i where i.ref = p_ref)
  then
    return lower(p_ref);
  end if;
  return p_ref;
end;
$$;

-- Contract: the time to pay by method and channel; the most specific policy counts. Without a policy it is a week.
create function lapse.time_to_pay(p_method text, p_channel text) returns interval
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce((
    select p.time_to_pay
    from lapse.deadline_policies p
    where (p.method is null or p.method = p_method) and (p.channel is null or p.channel = p_channel)
    order by (p.method is not null) desc, (p.channel is not null) desc
    limit 1
  ), interval '7 days');
$$;

-- When the deadline of an open order moves, so does the time at which it falls due. A time that a decision set, for
-- example a recheck, is never moved earlier. If the order is no longer due when its claim ends, the run that holds it
-- loses it, so that the customer can pay at once instead of waiting for the claim to lapse.
create function lapse.follow_deadline() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_grace interval := (select s.grace from lapse.settings s);
  v_before timestamptz := greatest(old.deadline, old.hold_until) + v_grace;
  v_after timestamptz := greatest(new.deadline, new.hold_until) + v_grace;
begin
  if new.due_since is not distinct from old.due_since then
    new.due_since := case when old.due_since = v_before then v_after else greatest(old.due_since, v_after) end;
  end if;
  if new.next_check_at is distinct from old.next_check_at or new.status <> old.status then
    return new;
  end if;
  if old.status = 'pending' then
    new.next_check_at := case
      when old.next_check_at = v_before then v_after
      else greatest(old.next_check_at, v_after)
    end;
  elsif v_after > old.next_check_at then
    new.status := 'pending';
    new.run_id := null;
    new.next_check_at := v_after;
  end if;
  return new;
end;
$$;

create trigger deadline_followed before update of deadline, hold_until on lapse.orders
  for each row when (
    old.status in ('pending', 'expiring')
    and (old.deadline, old.hold_until) is distinct from (new.deadline, new.hold_until)
  )
  execute function lapse.follow_deadline();

-- Contract: adds these orders to the ledger, or updates them while they are open. Values that a repeated call omits
-- stay unchanged. An order of status `unknown` becomes pending. An order that was placed before the reach of Stripe's
-- lists is quarantined, as its payments cannot be found.
create function lapse.note_orders(p_orders lapse.order_note[], p_now timestamptz) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if coalesce(cardinality(p_orders), 0) = 0 then
    return;
  end if;

  perform from lapse.orders o where o.ref in (select n.ref from unnest(p_orders) n) order by o.ref for no key update;

  update lapse.orders o
  set amount = case when n.amount is null then o.amount else n.amount end,
      currency = case when n.amount is null then o.currency else n.currency end,
      deadline = case
        when n.deadline is not null then n.deadline
        when (n.method, n.channel) is distinct from (null, null)
          and (coalesce(n.method, o.method), coalesce(n.channel, o.channel)) is distinct from (o.method, o.channel)
          then o.placed_at + lapse.time_to_pay(coalesce(n.method, o.method), coalesce(n.channel, o.channel))
        else o.deadline
      end,
      method = coalesce(n.method, o.method),
      channel = coalesce(n.channel, o.channel),
      account = coalesce(nullif(n.account, ''), o.account)
  from unnest(p_orders) n
  where o.ref = n.ref and o.status in ('pending', 'expiring', 'quarantined');

  insert into lapse.orders as o (
    ref, status, reason, amount, currency, account, method, channel, placed_at, deadline, next_check_at,
    due_since, watched_at
  )
  select n.ref, case when x.reason is null then 'pending' else 'quarantined' end, x.reason, n.amount, n.currency,
    coalesce(n.account, ''), n.method, n.channel, n.placed_at, x.deadline,
    case when x.reason is null then x.deadline + s.grace end, x.deadline + s.grace, p_now
  from unnest(p_orders) n
  cross join lapse.settings s
  cross join lateral (
    select coalesce(n.deadline, n.placed_at + lapse.time_to_pay(n.method, n.channel)) as deadline,
      coalesce(n.quarantine, case when n.placed_at < p_now - s.list_reach then 'older_than_list' end) as reason
  ) x
  order by n.ref collate "C"
  on conflict (ref) do update
  set status = excluded.status, reason = excluded.reason, amount = excluded.amount, currency = excluded.currency,
      account = excluded.account, method = excluded.method, channel = excluded.channel, placed_at = excluded.placed_at,
      deadline = excluded.deadline, next_check_at = excluded.next_check_at, due_since = excluded.due_since,
      run_id = null
  where o.status = 'unknown';

  -- An order placed before the period whose payments are recorded: its account's lists are read again from there.
  -- Before that, none of the account's orders is closed. Rare, so no checkout waits here for a run that records a list.
  update lapse.list_cursors c
  set read_from = x.start, read_to = x.start
  from (
    select o.account, greatest(min(o.placed_at), p_now - min(s.list_reach)) as start
    from lapse.orders o
    cross join lapse.settings s
    where o.ref in (select n.ref from unnest(p_orders) n) and o.status in ('pending', 'expiring')
    group by o.account
  ) x
  where c.account = x.account and c.read_from > x.start;
end;
$$;

-- Contract: records these payments (arrays of one length; p_accounts null: their orders' accounts) under their orders,
-- unless an order has them already, and increments the orders' payment counts. Skips texts that are not Stripe ids. A
-- payment that a customer's role recorded, or that a list contained, counts as attached by the shop once the shop
-- attaches it. Closed and quarantined orders fall due, so that the new payment is inspected. Returns the payments
-- recorded just now.
create function lapse.record_payments(
  p_refs text[],
  p_stripe_ids text[],
  p_accounts text[],
  p_source text,
  p_now timestamptz
) returns table (ref text, stripe_id text)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  if coalesce(cardinality(p_stripe_ids), 0) = 0 then
    return;
  end if;

  perform from lapse.orders o where o.ref in (select unnest(p_refs)) order by o.ref for no key update;

  if p_source = 'server' then
    update lapse.payments p
    set source = 'server'
    from unnest(p_refs, p_stripe_ids) as n (ref, stripe_id)
    where p.stripe_id = n.stripe_id and p.ref = n.ref and p.source <> 'server';
  end if;

  return query
  with recorded as (
    insert into lapse.payments (stripe_id, ref, account, source, attached_at)
    select distinct on (n.stripe_id collate "C")
      n.stripe_id, n.ref, coalesce(nullif(n.account, ''), o.account, ''), p_source, p_now
    from unnest(p_refs, p_stripe_ids, p_accounts) with ordinality as n (ref, stripe_id, account, position)
    left join lapse.orders o on o.ref = n.ref
    where n.stripe_id ~ '^(pi|cs)_[A-Za-z0-9_]+$' and n.stripe_id !~ '_secret_'
    order by n.stripe_id collate "C", n.position
    on conflict (stripe_id) do nothing
    returning lapse.payments.ref, lapse.payments.stripe_id
  ),
  counted as (
    update lapse.orders o
    set payments = o.payments + c.recorded,
        next_check_at = case
          when o.status in ('paid', 'expired', 'quarantined') then least(o.next_check_at, p_now) else o.next_check_at
        end
    from (select r.ref, count(*)::integer as recorded from recorded r group by r.ref) c
    where o.ref = c.ref
  )
  select r.ref, r.stripe_id from recorded r;
end;
$$;

-- Contract: records until when the customers of these orders hold a voucher. Only moves the time later, and only while
-- the order is open.
create function lapse.hold_orders(p_refs text[], p_until timestamptz[]) returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  update lapse.orders o
  set hold_until = h.until
  from unnest(p_refs, p_until) as h (ref, until)
  where o.ref = h.ref and o.status in ('pending', 'expiring') and h.until > greatest(o.deadline, o.hold_until);
$$;

-- Contract: checks an open order of the shop as the adapter reports it. An order with unusable values is recorded as
-- `unreadable`, so that it is known and never closed on a guess. Never raises.
create function lapse.read_open_order(
  p_ref text,
  p_placed_at timestamptz,
  p_deadline timestamptz,
  p_amount bigint,
  p_currency text,
  p_account text,
  p_now timestamptz
) returns lapse.order_note
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_note lapse.order_note;
begin
  return lapse.checked_note(
    p_ref => p_ref, p_amount => p_amount, p_currency => p_currency, p_deadline => p_deadline, p_method => null,
    p_channel => null, p_placed_at => coalesce(p_placed_at, p_now), p_account => p_account
  );
exception when others then
  v_note.ref := p_ref;
  v_note.placed_at := case when isfinite(p_placed_at) then p_placed_at else p_now end;
  v_note.deadline := v_note.placed_at;
  v_note.account := '';
  v_note.quarantine := 'unreadable';
  return v_note;
end;
$$;

-- Adopts those of these orders that are open in the shop and missing from the ledger, with every payment that the
-- shop's rows name. Returns them.
create function lapse.adopt_refs(p_refs text[], p_now timestamptz) returns text[]
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_notes lapse.order_note[];
  v_refs text[];
  v_stripe_ids text[];
begin
  if coalesce(cardinality(p_refs), 0) = 0 then
    return '{}'::text[];
  end if;
  with found as materialized (
    select s.* from lapse.open_shop_orders(p_refs => p_refs) s
    where not exists (select from lapse.orders o where o.ref = s.ref and o.status <> 'unknown')
  ),
  named as (
    select array_agg(f.ref order by f.ref, id) as refs, array_agg(id order by f.ref, id) as ids
    from found f
    cross join unnest(f.stripe_ids) id
  )
  select
    array(
      select lapse.read_open_order(
        p_ref => f.ref, p_placed_at => f.placed_at, p_deadline => f.deadline, p_amount => f.amount,
        p_currency => f.currency, p_account => f.account, p_now => p_now
      )
      from found f
    ),
    n.refs, n.ids
  into v_notes, v_refs, v_stripe_ids
  from named n;

  perform lapse.note_orders(p_orders => v_notes, p_now => p_now);
  perform lapse.record_payments(
    p_refs => v_refs, p_stripe_ids => v_stripe_ids, p_accounts => null, p_source => 'server', p_now => p_now
  );
  return array(select n.ref from unnest(v_notes) n order by n.ref);
end;
$$;

-- Contract: the ledger follows the shop, which closed these orders itself (p_paid: paid, or closed unpaid). The shop
-- decides about the order and its stock, not about its payments. While one of these may still be paid, the order stays
-- open and due at once, and a run cancels the payment; nothing more changes in the shop. A person decides about money
-- for an order that the shop closed unpaid. Orders that are closed already only fall due if one of their payments is
-- open. Ignores orders that the ledger does not know.
create function lapse.follow_orders(p_refs text[], p_paid boolean[], p_now timestamptz) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  perform from lapse.orders o where o.ref = any (p_refs) order by o.ref for no key update;

  with followed as (
    select l.ref, m.may_be_paid,
      case
        when f.paid then 'paid'
        -- A run that holds the order cancels its payments already, and finds the shop's row closed when it settles.
        when m.may_be_paid then case l.status when 'expiring' then 'expiring' else 'pending' end
        when m.has_money then 'quarantined'
        else 'expired'
      end as status
    from unnest(p_refs, p_paid) as f (ref, paid)
    join lapse.orders l on l.ref = f.ref
    cross join lateral (
      select coalesce(bool_or(p.state = 'open'), false) as may_be_paid,
        coalesce(bool_or(p.state = 'paid'), false) as has_money
      from lapse.payments p
      where p.ref = f.ref
    ) m
  )
  update lapse.orders o
  set status = f.status,
      reason = case when f.status = 'quarantined' then 'late_payment' else 'closed_by_shop' end,
      next_check_at = case when f.status = 'expiring' then o.next_check_at when f.may_be_paid then p_now end,
      due_since = case when f.status = 'pending' then least(o.due_since, p_now) else o.due_since end,
      run_id = case when f.status = 'expiring' then o.run_id end,
      closed_at = case when f.status in ('paid', 'expired') then p_now end
  from followed f
  where o.ref = f.ref
    and (
      o.status in ('pending', 'expiring', 'quarantined')
      or o.status = 'unknown' and f.status in ('paid', 'expired')
    );

  perform lapse.recheck_leftovers(p_refs => p_refs, p_now => p_now);
end;
$$;

-- Contract: makes those of these orders due at once that are not open and still have an open payment, so that the next
-- run cancels it.
create function lapse.recheck_leftovers(p_refs text[], p_now timestamptz) returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  update lapse.orders o
  set next_check_at = p_now
  where o.ref = any (p_refs) and o.status in ('paid', 'expired', 'unknown') and coalesce(o.next_check_at > p_now, true)
    and exists (select from lapse.payments p where p.ref = o.ref and p.state = 'open');
$$;

-- Contract: adds an order that a call of the shop names and the ledger lacks, as open or closed according to the shop.
-- The caller has locked it in the shop.
create function lapse.know_order(p_ref text, p_shop text, p_now timestamptz) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_shop = 'open' and lapse.adopt_refs(p_refs => array[p_ref], p_now => p_now) = '{}' then
    -- open_orders and lock_orders disagree. That is no reason to refuse a payment of an open order.
    perform lapse.note_orders(p_now => p_now, p_orders => array[lapse.checked_note(
      p_ref => p_ref, p_amount => null, p_currency => null, p_deadline => null, p_method => null, p_channel => null,
      p_placed_at => p_now, p_account => null
    )]);
  elsif p_shop in ('paid', 'closed') then
    insert into lapse.orders (ref, status, placed_at, deadline, next_check_at, due_since, watched_at)
    values (p_ref, 'unknown', p_now, p_now, p_now, p_now, p_now)
    on conflict (ref) do nothing;
    update lapse.orders o
    set status = x.status,
        reason = case x.status when 'quarantined' then 'late_payment' else 'closed_by_shop' end,
        next_check_at = case when m.may_be_paid then p_now end,
        run_id = null,
        closed_at = case when x.status <> 'quarantined' then p_now end
    from (
      select bool_or(p.state <> 'dead') as lives, coalesce(bool_or(p.state = 'open'), false) as may_be_paid
      from lapse.payments p
      where p.ref = p_ref
    ) m
    cross join lateral (
      select case when p_shop = 'paid' then 'paid' when m.lives then 'quarantined' else 'expired' end as status
    ) x
    where o.ref = p_ref and o.status = 'unknown';
  end if;
end;
$$;

-- Contract: locks an order in the shop for one of the shop's own calls and returns its state; null if the adapter does
-- not report it or there is none yet. Waits as long as the shop's own limits allow.
create function lapse.shop_state(p_ref text) returns text
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if to_regprocedure('lapse_shop.lock_orders(text[],boolean)') is null then
    return null;
  end if;
  return (select s.state from lapse.lock_shop_orders(p_refs => array[p_ref], p_wait => true) s);
end;
$$;

-- watch_order: an order was placed, or its deadline or amount changed.
--
-- Without p_deadline the policies for p_method and p_channel set it. Without p_amount any payment settles the order. A
-- repeated call changes the values that it passes, even while a run holds the order. Closed orders stay closed. Raises
-- 22023 for a ref, amount, currency, deadline or account that cannot be used.
create function lapse.watch_order(
  p_ref text,
  p_amount bigint default null,
  p_currency text default null,
  p_deadline timestamptz default null,
  p_method text default null,
  p_channel text default null,
  p_placed_at timestamptz default null,
  p_account text default null,
  p_now timestamptz default now()
) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_ref text := lapse.known_ref(p_ref);
  v_note lapse.order_note := lapse.checked_note(
    p_ref => v_ref, p_amount => p_amount, p_currency => p_currency, p_deadline => p_deadline, p_method => p_method,
    p_channel => p_channel, p_placed_at => coalesce(p_placed_at, p_now), p_account => p_account
  );
  v_shop text;
begin
  v_shop := lapse.shop_state(p_ref => v_ref);
  perform lapse.fold_inbox(p_refs => array[v_ref], p_now => p_now);
  -- There is nothing to watch. (gone: the shop may insert its row only after this call.)
  if v_shop in ('paid', 'closed') and not exists (select from lapse.orders o where o.ref = v_ref) then
    return;
  end if;
  perform lapse.note_orders(p_orders => array[v_note], p_now => p_now);
end;
$$;

comment on function lapse.watch_order(text, bigint, text, timestamptz, text, text, timestamptz, text, timestamptz) is
  'Adds an order to the ledger, or changes its deadline or amount.';

-- attach_payment: a PaymentIntent or Checkout Session of an order, before the customer gets its client secret.
--
-- Only a pending order takes a payment. If this raises PT409, the order is being closed or is closed: cancel the new
-- payment at Stripe at once and tell the customer. A repeated call is harmless; p_expires_at (a voucher's own expiry,
-- which is known only once the voucher is issued) postpones the order, never advances it. An open order that is not
-- watched yet is adopted. Raises 22023 for a text that is not an id of Stripe, PT404 for an order that neither Lapse
-- nor the shop knows, PT409 as above, for a payment of another order, and for more than settings.max_payments_per_order
-- payments.
create function lapse.attach_payment(
  p_ref text,
  p_stripe_id text,
  p_account text default null,
  p_expires_at timestamptz default null,
  p_now timestamptz default now()
) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_ref text := lapse.known_ref(p_ref);
  v_shop text;
  v_order lapse.orders;
  v_owner text;
begin
  perform lapse.check_stripe_id(p_stripe_id => p_stripe_id, p_account => p_account);
  if not coalesce(isfinite(p_expires_at) and p_expires_at <= p_now + interval '3 years', p_expires_at is null) then
    raise exception 'Cannot attach payment %: its expiry % is years away', p_stripe_id, p_expires_at
      using errcode = '22023', hint = 'Stripe counts in seconds, JavaScript in milliseconds.';
  end if;

  v_shop := lapse.shop_state(p_ref => v_ref);
  perform lapse.fold_inbox(p_refs => array[v_ref], p_now => p_now);
  if v_shop = 'open' and not exists (select from lapse.orders o where o.ref = v_ref and o.status <> 'unknown') then
    perform lapse.know_order(p_ref => v_ref, p_shop => v_shop, p_now => p_now);
  end if;
  select * into v_order from lapse.orders o where o.ref = v_ref for no key update;
  if v_order.ref is null or v_order.status = 'unknown' then
    v_order.status := v_shop;
  elsif v_order.status in ('pending', 'expiring', 'quarantined') and v_shop in ('paid', 'closed', 'gone') then
    v_order.status := v_shop;
  end if;
  if coalesce(v_order.status = 'gone', true) then
    raise exception 'Cannot attach payment % to order %: there is no such order', p_stripe_id, v_ref
      using errcode = 'PT404';
  end if;

  select p.ref into v_owner from lapse.payments p where p.stripe_id = p_stripe_id;
  if v_owner <> v_ref then
    raise exception 'Cannot attach payment % to order %: it belongs to order %', p_stripe_id, v_ref, v_owner
      using errcode = 'PT409';
  end if;
  if v_owner is null then
    if v_order.status <> 'pending' then
      raise exception 'Cannot attach payment % to order %: it is %', p_stripe_id, v_ref, v_order.status
        using errcode = 'PT409', hint = 'Cancel the payment at Stripe and tell the customer.';
    end if;
    if v_order.payments >= (select s.max_payments_per_order from lapse.settings s) then
      raise exception 'Cannot attach payment % to order %: it has % payments already',
        p_stripe_id, v_ref, v_order.payments
        using errcode = 'PT409', hint = 'Reuse a payment of the order, or place a new order.';
    end if;
  end if;

  perform lapse.record_payments(
    p_refs => array[v_ref], p_stripe_ids => array[p_stripe_id], p_accounts => array[p_account], p_source => 'server',
    p_now => p_now
  );
  -- Another transaction may have attached the same payment to another order.
  select p.ref into v_owner from lapse.payments p where p.stripe_id = p_stripe_id;
  if v_owner <> v_ref then
    raise exception 'Cannot attach payment % to order %: it belongs to order %', p_stripe_id, v_ref, v_owner
      using errcode = 'PT409';
  end if;
  if p_expires_at is not null and v_order.status = 'pending' then
    perform lapse.hold_orders(p_refs => array[v_ref], p_until => array[p_expires_at]);
  end if;
end;
$$;

comment on function lapse.attach_payment(text, text, text, timestamptz, timestamptz) is
  'Records a payment of a pending order. Refused (409) while the order is expiring and once it is closed.';

-- Contract: raises 22023 unless these are the ids of a PaymentIntent or Checkout Session and of a connected account.
create function lapse.check_stripe_id(p_stripe_id text, p_account text) returns void
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_stripe_id ~ '_secret_' then
    raise exception 'Cannot use a client secret as the id of a payment: %…',
      split_part(left(p_stripe_id, 100), '_secret_', 1)
      using errcode = '22023', hint = 'Pass the id of the PaymentIntent or Checkout Session: the part before _secret_.';
  end if;
  if not coalesce(p_stripe_id ~ '^(pi|cs)_[A-Za-z0-9_]+$', false) then
    raise exception 'Cannot use % as a payment: it is not the id of a PaymentIntent or Checkout Session',
      coalesce(left(p_stripe_id, 100), 'null') using errcode = '22023', hint = 'Such ids begin with pi_ or cs_.';
  end if;
  if not coalesce(p_account ~ '^(acct_[A-Za-z0-9]+)?$', true) then
    raise exception 'Cannot use % as an account: it is not the id of a connected account', left(p_account, 100)
      using errcode = '22023', hint = 'Such ids begin with acct_.';
  end if;
end;
$$;

-- follow_order: the shop closed the order itself, because it was paid in cash, free, or closed by an admin. Call it in
-- the transaction that closes the order.
--
-- p_paid: the order is paid. Otherwise it is closed unpaid, and the next run cancels its open payments. An order that
-- Lapse expired becomes paid if the shop's row says so as well. Raises 22023 without p_paid. Does nothing for an order
-- that Lapse does not know.
create function lapse.follow_order(p_ref text, p_paid boolean, p_now timestamptz default now()) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_ref text := lapse.known_ref(p_ref);
  v_shop text;
begin
  if p_paid is null then
    raise exception 'Cannot follow order %: p_paid is null', v_ref
      using errcode = '22023', hint = 'Pass true if the order is paid, false if it was closed unpaid.';
  end if;
  v_shop := lapse.shop_state(p_ref => v_ref);
  perform lapse.fold_inbox(p_refs => array[v_ref], p_now => p_now);
  perform lapse.follow_orders(p_refs => array[v_ref], p_paid => array[p_paid], p_now => p_now);
  if p_paid and v_shop = 'paid' then
    perform lapse.follow_sale(p_ref => v_ref, p_now => p_now);
  end if;
  perform lapse.alert_wrong_money(p_refs => array[v_ref], p_now => p_now);
end;
$$;

comment on function lapse.follow_order(text, boolean, timestamptz) is
  'Records that the shop closed an order itself.';

-- The same calls for the shop's backend, over REST.

create function public.lapse_watch_order(
  p_ref text,
  p_amount bigint default null,
  p_currency text default null,
  p_deadline timestamptz default null,
  p_method text default null,
  p_channel text default null,
  p_placed_at timestamptz default null,
  p_account text default null
) returns void
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
  select lapse.watch_order(
    p_ref => p_ref, p_amount => p_amount, p_currency => p_currency, p_deadline => p_deadline, p_method => p_method,
    p_channel => p_channel, p_placed_at => p_placed_at, p_account => p_account, p_now => now()
  );
$$;

comment on function public.lapse_watch_order(text, bigint, text, timestamptz, text, text, timestamptz, text) is
  'Adds an order, or changes its deadline or amount (minor units). A shop with triggers need not call it.';

create function public.lapse_attach_payment(
  p_ref text,
  p_stripe_id text,
  p_account text default null,
  p_expires_at timestamptz default null
) returns void
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
  select lapse.attach_payment(
    p_ref => p_ref, p_stripe_id => p_stripe_id, p_account => p_account, p_expires_at => p_expires_at, p_now => now()
  );
$$;

comment on function public.lapse_attach_payment(text, text, text, timestamptz) is
  'Records a payment of a pending order. Call it before the customer gets the client secret. On 409, cancel the payment at Stripe.';

create function public.lapse_follow_order(p_ref text, p_paid boolean) returns void
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
  select lapse.follow_order(p_ref => p_ref, p_paid => p_paid, p_now => now());
$$;

comment on function public.lapse_follow_order(text, boolean) is
  'Records that the shop closed an order itself. A shop with triggers need not call it.';
