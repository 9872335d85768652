-- Folding: moves the entries that the shop's triggers wrote from the inbox into the ledger.
--
-- An entry that cannot be interpreted stays in the inbox with its reason and does not block others. The next readable
-- `watch` entry of its order removes it. Otherwise an operator removes it: delete from lapse.inbox where id = …

-- An order as Lapse interpreted it, before it is written to the ledger. `quarantine` is the reason why it must be
-- quarantined.
create type lapse.order_note as (
  ref text,
  amount bigint,
  currency text,
  deadline timestamptz,
  method text,
  channel text,
  placed_at timestamptz,
  account text,
  quarantine text
);

-- Contract: an amount in the currency's minor unit, as Stripe counts it. 12.50 eur is 1250, 500 jpy is 500, 1.234 kwd
-- is 1234.
create function lapse.minor_units(p_amount numeric, p_currency text) returns numeric
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select case
    when lower(p_currency) in (
      'bif', 'clp', 'djf', 'gnf', 'jpy', 'kmf', 'krw', 'mga', 'pyg', 'rwf', 'vnd', 'vuv', 'xaf', 'xof', 'xpf'
    ) then p_amount
    when lower(p_currency) in ('bhd', 'jod', 'kwd', 'omr', 'tnd') then p_amount * 1000
    else p_amount * 100
  end;
$$;

comment on function lapse.minor_units(numeric, text) is 'An amount in the currency''s minor unit, as Stripe counts it.';

-- Contract: the id of a PaymentIntent or Checkout Session in one of the shop's texts: the id itself, a client secret,
-- or the URL of a session. Null if there is none.
create function lapse.stripe_id_in(p_text text) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select regexp_replace(substring(p_text from '(?:^|[^A-Za-z0-9_])((?:pi|cs)_[A-Za-z0-9_]+)'), '_secret_.*$', '');
$$;

-- Contract: checks the description of an order and converts it into the ledger's form. Raises 22023 for a value that
-- cannot be used. A deadline of `infinity` is allowed. One that is centuries away was given in milliseconds instead of
-- seconds.
create function lapse.checked_note(
  p_ref text,
  p_amount numeric,
  p_currency text,
  p_deadline timestamptz,
  p_method text,
  p_channel text,
  p_placed_at timestamptz,
  p_account text
) returns lapse.order_note
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_currency text := lower(trim(p_currency));
begin
  if coalesce(p_ref, '') = '' or length(p_ref) > 500 then
    raise exception 'Cannot watch an order: its ref is empty or longer than 500 characters' using errcode = '22023';
  end if;
  if p_amount is not null and (p_amount % 1 is distinct from 0 or p_amount not between 0 and 9007199254740991) then
    raise exception 'Cannot watch order %: its amount % is not a whole number of the currency''s minor unit',
      p_ref, p_amount using errcode = '22023';
  end if;
  if p_amount is not null and coalesce(v_currency !~ '^[a-z]{3}$', true) then
    raise exception 'Cannot watch order %: % is not the ISO code of its currency', p_ref, coalesce(p_currency, 'null')
      using errcode = '22023';
  end if;
  if not isfinite(p_placed_at) or p_placed_at > timestamptz '2200-01-01 00:00:00+00' then
    raise exception 'Cannot watch order %: it cannot have been placed at %', p_ref, p_placed_at
      using errcode = '22023', hint = 'Times are timestamps, or seconds since 1970 given to to_timestamp().';
  end if;
  if p_deadline <> 'infinity'
    and p_deadline not between p_placed_at - interval '10 years' and p_placed_at + interval '3 years'
  then
    raise exception 'Cannot watch order %: its deadline % is years away from the time it was placed, %',
      p_ref, p_deadline, p_placed_at
      using errcode = '22023', hint = 'Times are timestamps, or seconds since 1970 given to to_timestamp().';
  end if;
  if coalesce(p_account, '') !~ '^(acct_[A-Za-z0-9]+)?$' then
    raise exception 'Cannot watch order %: % is not the id of a connected account (acct_…)', p_ref, p_account
      using errcode = '22023';
  end if;
  return row(
    p_ref,
    p_amount,
    case when p_amount is not null then v_currency end,
    case when p_deadline = 'infinity' then timestamptz '9999-01-01 00:00:00+00' else p_deadline end,
    nullif(p_method, ''),
    nullif(p_channel, ''),
    p_placed_at,
    coalesce(p_account, ''),
    null
  )::lapse.order_note;
end;
$$;

-- Contract: reads a `watch` entry of the inbox and returns the order that it describes, or the problem with it. Never
-- raises.
create function lapse.read_watch(
  p_entry lapse.inbox,
  p_now timestamptz,
  out note lapse.order_note,
  out problem text
)
language plpgsql stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  v_said jsonb := p_entry.payload;
  v_amount numeric;
  v_placed_at timestamptz;
begin
  if v_said ? 'problem' then
    problem := v_said ->> 'problem';
    return;
  end if;
  v_amount := nullif(v_said ->> 'amount', '')::numeric;
  v_placed_at := coalesce(nullif(v_said ->> 'placed_at', '')::timestamptz, least(p_entry.at, p_now));
  note := lapse.checked_note(
    p_ref => p_entry.ref,
    p_amount => case v_said ->> 'unit'
      when 'major' then lapse.minor_units(v_amount, v_said ->> 'currency')
      else v_amount
    end,
    p_currency => v_said ->> 'currency',
    p_deadline => coalesce(
      nullif(v_said ->> 'deadline', '')::timestamptz,
      v_placed_at + nullif(v_said ->> 'time_to_pay', '')::interval
    ),
    p_method => v_said ->> 'method',
    p_channel => v_said ->> 'channel',
    p_placed_at => v_placed_at,
    p_account => v_said ->> 'account'
  );
exception when others then
  problem := sqlerrm;
end;
$$;

-- Contract: reads an `attach` entry of the inbox and returns the payment that it describes, or the problem with it.
-- Never raises.
create function lapse.read_attach(
  p_entry lapse.inbox,
  out stripe_id text,
  out account text,
  out source text,
  out expires_at timestamptz,
  out problem text
)
language plpgsql stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  v_said jsonb := p_entry.payload;
begin
  stripe_id := lapse.stripe_id_in(v_said ->> 'stripe_id');
  account := coalesce(v_said ->> 'account', '');
  source := case when p_entry.role in ('anon', 'authenticated') then 'client' else 'server' end;
  problem := case
    when v_said ? 'problem' then v_said ->> 'problem'
    when coalesce(p_entry.ref, '') = '' or length(p_entry.ref) > 500
      then 'The ref is empty or longer than 500 characters'
    when stripe_id is null
      then format('%s is not the id of a PaymentIntent or Checkout Session', left(v_said ->> 'stripe_id', 100))
    when account !~ '^(acct_[A-Za-z0-9]+)?$' then format('%s is not the id of a connected account', left(account, 100))
  end;
  -- An unusable expiry only means that the payment has no protection; the payment itself is readable.
  expires_at := nullif(v_said ->> 'expires_at', '')::timestamptz;
  if not isfinite(expires_at) or expires_at > p_entry.at + interval '3 years' then
    expires_at := null;
  end if;
exception when others then
  expires_at := null;
end;
$$;

-- Contract: reads the `watch` entries among these. The last readable one of each order counts. Returns the others as a
-- JSON object of id and problem, like the next two functions.
create function lapse.fold_watches(p_ids bigint[], p_now timestamptz) returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_problems jsonb;
  v_notes lapse.order_note[];
begin
  with entries as materialized (
    select i.id, i.ref, r.note, r.problem
    from lapse.inbox i
    cross join lateral lapse.read_watch(p_entry => i, p_now => p_now) r
    where i.id = any (p_ids) and i.kind = 'watch'
  )
  select
    (select jsonb_object_agg(e.id, e.problem) from entries e where e.problem is not null),
    array(
      select l.note
      from (select distinct on (e.ref) e.* from entries e where e.problem is null order by e.ref, e.id desc) l
    )
  into v_problems, v_notes;
  if v_notes <> '{}' then
    perform lapse.note_orders(p_orders => v_notes, p_now => p_now);
    -- Once a later entry of the order could be read, an unreadable earlier one is obsolete.
    delete from lapse.inbox i
    where i.ref in (select n.ref from unnest(v_notes) n) and i.kind = 'watch' and i.error is not null;
  end if;
  return coalesce(v_problems, '{}');
end;
$$;

-- Contract: reads the `attach` entries among these. Adopts an order that the ledger lacks. If it is not open in the
-- shop, it is recorded as unknown, and the clean-up inspects the payment.
create function lapse.fold_attachments(p_ids bigint[], p_now timestamptz) returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_attached jsonb;
  v_new text[];
  v_source text;
  v_held record;
begin
  select jsonb_agg(jsonb_build_object(
    'id', i.id, 'ref', i.ref, 'stripe_id', r.stripe_id, 'account', r.account, 'source', r.source,
    'expires_at', r.expires_at, 'problem', r.problem
  ) order by i.id)
  into v_attached
  from lapse.inbox i
  cross join lateral lapse.read_attach(p_entry => i) r
  where i.id = any (p_ids) and i.kind = 'attach';

  v_new := array(
    select distinct a.ref
    from jsonb_to_recordset(v_attached) as a (ref text, problem text)
    where a.problem is null and not exists (select from lapse.orders o where o.ref = a.ref and o.status <> 'unknown')
  );
  if v_new <> '{}' then
    perform lapse.adopt_refs(p_refs => v_new, p_now => p_now);
    insert into lapse.orders (ref, status, placed_at, deadline, next_check_at, due_since, watched_at)
    select r, 'unknown', p_now, p_now, p_now, p_now, p_now
    from unnest(v_new) r
    order by r collate "C"
    on conflict (ref) do nothing;
  end if;

  foreach v_source in array array['server', 'client'] loop
    perform lapse.record_payments(
      p_refs => array_agg(a.ref order by a.id), p_stripe_ids => array_agg(a.stripe_id order by a.id),
      p_accounts => array_agg(a.account order by a.id), p_source => v_source, p_now => p_now
    )
    from jsonb_to_recordset(v_attached)
      as a (id bigint, ref text, stripe_id text, account text, source text, problem text)
    where a.problem is null and a.source = v_source;
  end loop;
  -- These orders are unknown because their payments belong to other orders.
  delete from lapse.orders o where o.ref = any (v_new) and o.status = 'unknown' and o.payments = 0;

  select array_agg(h.ref) as refs, array_agg(h.until) as until into v_held
  from (
    select a.ref, max(a.expires_at) as until
    from jsonb_to_recordset(v_attached) as a (ref text, expires_at timestamptz, problem text)
    where a.problem is null and a.expires_at is not null
    group by a.ref
  ) h;
  perform lapse.hold_orders(p_refs => v_held.refs, p_until => v_held.until);

  return coalesce((
    select jsonb_object_agg(a.id, coalesce(a.problem, format('%s belongs to order %s', a.stripe_id, p.ref)))
    from jsonb_to_recordset(v_attached) as a (id bigint, ref text, stripe_id text, problem text)
    left join lapse.payments p on p.stripe_id = a.stripe_id
    where a.problem is not null or p.ref <> a.ref
  ), '{}');
end;
$$;

-- Contract: reads the `follow` entries among these. The last one of each order counts.
create function lapse.fold_closings(p_ids bigint[], p_now timestamptz) returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_closed record;
begin
  select array_agg(l.ref) as refs, array_agg(l.paid) as paid into v_closed
  from (
    select distinct on (i.ref) i.ref, coalesce((i.payload -> 'paid')::boolean, false) as paid
    from lapse.inbox i
    where i.id = any (p_ids) and i.kind = 'follow' and not i.payload ? 'problem' and i.ref <> ''
    order by i.ref, i.id desc
  ) l;
  perform lapse.follow_orders(p_refs => v_closed.refs, p_paid => v_closed.paid, p_now => p_now);
  perform lapse.alert_wrong_money(p_refs => v_closed.refs, p_now => p_now);

  return coalesce((
    select jsonb_object_agg(i.id, coalesce(i.payload ->> 'problem', 'The ref is empty'))
    from lapse.inbox i
    where i.id = any (p_ids) and i.kind = 'follow' and (i.payload ? 'problem' or coalesce(i.ref, '') = '')
  ), '{}');
end;
$$;

-- Contract: writes these entries to the ledger and deletes them, always in the order watch, attach, follow. Returns
-- those that it cannot interpret; they stay in the inbox. The caller has locked the entries.
create function lapse.fold_entries(p_ids bigint[], p_now timestamptz) returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_kinds text[] := array(select distinct i.kind from lapse.inbox i where i.id = any (p_ids));
  v_problems jsonb := '{}'::jsonb;
begin
  if 'watch' = any (v_kinds) then
    v_problems := lapse.fold_watches(p_ids => p_ids, p_now => p_now);
  end if;
  if 'attach' = any (v_kinds) then
    v_problems := v_problems || lapse.fold_attachments(p_ids => p_ids, p_now => p_now);
  end if;
  if 'follow' = any (v_kinds) then
    v_problems := v_problems || lapse.fold_closings(p_ids => p_ids, p_now => p_now);
  end if;
  delete from lapse.inbox i where i.id = any (p_ids) and not v_problems ? i.id::text;
  return v_problems;
end;
$$;

-- Contract: like fold_entries, but one order at a time, because one of these entries made it fail. An entry that fails
-- alone cannot be interpreted. Entries of locked orders are left for later, unless the caller waits for them (p_wait).
create function lapse.fold_one_by_one(p_ids bigint[], p_wait boolean, p_now timestamptz) returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_ids bigint[];
  v_problems jsonb := '{}'::jsonb;
begin
  if not p_wait then
    -- Many entries may be locked, and the waits would add up.
    perform set_config('lock_timeout', '20ms', true);
  end if;
  for v_ids in
    select array_agg(i.id order by i.id) from lapse.inbox i where i.id = any (p_ids) group by i.ref order by i.ref
  loop
    begin
      v_problems := v_problems || lapse.fold_entries(p_ids => v_ids, p_now => p_now);
    exception
      when lock_not_available or deadlock_detected then
        if p_wait then
          raise;
        end if;
      when others then
        v_problems := v_problems || (select jsonb_object_agg(x, sqlerrm) from unnest(v_ids) x);
    end;
  end loop;
  return v_problems;
end;
$$;

-- Contract: folds the inbox: all entries of these refs, waiting for those that another fold holds; or, without refs,
-- the oldest, skipping locked ones and giving up after 200 ms. That is up to p_limit of them and 5000 at most, so that
-- a checkout never waits long for the transaction that folds. Never raises because of an entry: one that cannot be
-- interpreted stays. Only a fold without refs marks it with its error, for lapse.check_inbox to raise an alert. Returns
-- how many entries it took.
create function lapse.fold_inbox(
  p_refs text[] default null,
  p_limit integer default 5000,
  p_now timestamptz default now()
) returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_lock_timeout text := current_setting('lock_timeout');
  v_ids bigint[];
  v_problems jsonb;
begin
  if p_refs is null then
    v_ids := array(
      select i.id from lapse.inbox i where i.error is null order by i.id limit least(p_limit, 5000)
      for no key update skip locked
    );
    -- A transaction that holds a ledger row may be waiting for an inbox entry held here: skip those orders.
    v_ids := array(
      with asked as (
        select distinct i.ref from lapse.inbox i where i.id = any (v_ids)
      ),
      free as (
        select o.ref from lapse.orders o where o.ref in (select a.ref from asked a) order by o.ref
        for no key update skip locked
      )
      select i.id from lapse.inbox i
      where i.id = any (v_ids)
        and (i.ref in (select f.ref from free f) or not exists (select from lapse.orders o where o.ref = i.ref))
    );
  else
    v_ids := array(
      select i.id from lapse.inbox i where i.ref = any (p_refs) and i.error is null order by i.ref, i.id
      for no key update
    );
  end if;
  if v_ids = '{}' then
    return 0;
  end if;

  if p_refs is null then
    perform set_config('lock_timeout', '200ms', true);
  end if;
  begin
    v_problems := lapse.fold_entries(p_ids => v_ids, p_now => p_now);
  exception when others then
    if p_refs is not null and sqlstate in ('55P03', '40P01') then
      raise;
    end if;
    v_problems := lapse.fold_one_by_one(p_ids => v_ids, p_wait => p_refs is not null, p_now => p_now);
  end;

  if p_refs is null then
    perform set_config('lock_timeout', v_lock_timeout, true);
    update lapse.inbox i
    set error = coalesce(v_problems ->> i.id::text, 'unknown')
    where i.id in (select key::bigint from jsonb_each(v_problems));
  end if;
  return cardinality(v_ids);
end;
$$;
