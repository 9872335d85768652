-- The inbox: what the shop's triggers noted, until Lapse reads it.
--
-- A trigger only appends: it takes no lock that a run could hold, and an odd value is kept as it is, so that no write of the shop
-- fails or waits because of Lapse. Folding reads the entries into the ledger: every claim folds first, and so does every close, after it
-- has locked the shop's row and therefore sees each trigger that committed.

create table lapse.inbox (
  id bigint generated always as identity primary key,
  kind text not null check (kind in ('watch', 'attach', 'follow')),
  ref text collate "C",
  payload jsonb not null default '{}',
  role text,
  at timestamptz not null default now(),
  error text
)
with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
  autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 50000);

create index inbox_ref_idx on lapse.inbox (ref);
-- What folding takes: entries that cannot be read stay for a person and must not be read past each time.
create index inbox_unread_idx on lapse.inbox (id) where error is null;
create index inbox_errors_idx on lapse.inbox (id) where error is not null;

comment on table lapse.inbox is 'What the shop''s triggers noted and Lapse has not read into the ledger yet.';
comment on column lapse.inbox.id is 'Number of the entry; later ones are higher.';
comment on column lapse.inbox.kind is 'watch: an order was placed or changed; attach: a payment was noted; follow: the shop closed an order.';
comment on column lapse.inbox.ref is 'The order.';
comment on column lapse.inbox.payload is 'The values as the shop''s row had them, as text.';
comment on column lapse.inbox.role is 'Role that changed the shop''s row; anon and authenticated are customers.';
comment on column lapse.inbox.at is 'When the shop''s transaction began.';
comment on column lapse.inbox.error is 'Why Lapse cannot interpret the entry; empty: it was not read yet.';

-- Contract: appends one entry for the trigger that calls it. Waits for nothing, not even for a migration that locks the table.
create function lapse.note(p_kind text, p_ref text, p_payload jsonb) returns void
language sql
set search_path = pg_catalog, pg_temp
set lock_timeout = '100ms'
as $$
  insert into lapse.inbox (kind, ref, payload, role)
  values (p_kind, p_ref, jsonb_strip_nulls(p_payload), coalesce(nullif(current_setting('role', true), 'none'), session_user));
$$;

comment on function lapse.note(text, text, jsonb) is 'Appends one entry to the inbox, for the shop''s triggers. Never waits.';

-- Contract: notes that a trigger failed. Never raises: what cannot even be appended is a warning, and adoption and drift find the order.
create function lapse.note_failure(p_kind text, p_ref text, p_failure text) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  raise warning 'Lapse cannot note % of order %: %', p_kind, p_ref, p_failure;
  perform lapse.note(p_kind => p_kind, p_ref => p_ref, p_payload => jsonb_build_object('problem', p_failure));
exception when others then
  null;
end;
$$;

comment on function lapse.note_failure(text, text, text) is 'Notes that one of the shop''s triggers failed. Never raises.';

-- Contract: the value a trigger's argument stands for: that of the column of this name, else the argument itself.
create function lapse.column_or_literal(p_row jsonb, p_argument text) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select case when p_row ? p_argument then p_row ->> p_argument else p_argument end;
$$;

comment on function lapse.column_or_literal(jsonb, text) is 'The value of the column that a trigger''s argument names, else the argument.';

-- Contract: the value of an option of a trigger, written name=column, among its further arguments; null without it.
create function lapse.trigger_option(p_row jsonb, p_arguments text[], p_name text) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select lapse.column_or_literal(p_row, substr(a, length(p_name) + 2))
  from unnest(p_arguments) a
  where starts_with(a, p_name || '=')
  limit 1;
$$;

comment on function lapse.trigger_option(jsonb, text[], text) is 'The value of an option (name=column) among a trigger''s arguments.';

-- Contract: notes an order that was placed, or whose deadline or amount changed. Arguments: key column; amount column ('' if the shop
-- cannot know it); currency column or code; deadline column, or the time to pay as an interval, or '' for the policies of Lapse.
-- Options: 'unit=major' for amounts like 12.50, 'method=', 'channel=', 'placed_at=', 'account=' with a column each.
--   create trigger lapse_watches after insert or update of total, expires_at on orders for each row when (new.status = 'pending')
--     execute function lapse.tg_watch('id', 'total', 'eur', 'expires_at', 'unit=major', 'placed_at=created_at');
create function lapse.tg_watch() returns trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_row jsonb;
  v_options text[];
begin
  if current_setting('lapse.settling', true) = 'on' then
    return null;
  end if;
  v_row := to_jsonb(new);
  v_options := tg_argv[4:];
  perform lapse.note(
    p_kind => 'watch',
    p_ref => v_row ->> tg_argv[0],
    p_payload => jsonb_build_object(
      'amount', v_row ->> tg_argv[1],
      'unit', lapse.trigger_option(v_row, v_options, 'unit'),
      'currency', lapse.column_or_literal(v_row, tg_argv[2]),
      case when v_row ? tg_argv[3] then 'deadline' else 'time_to_pay' end, lapse.column_or_literal(v_row, tg_argv[3]),
      'method', lapse.trigger_option(v_row, v_options, 'method'),
      'channel', lapse.trigger_option(v_row, v_options, 'channel'),
      'placed_at', lapse.trigger_option(v_row, v_options, 'placed_at'),
      'account', lapse.trigger_option(v_row, v_options, 'account')
    )
  );
  return null;
exception when others then
  perform lapse.note_failure(p_kind => 'watch', p_ref => v_row ->> tg_argv[0], p_failure => sqlerrm);
  return null;
end;
$$;

comment on function lapse.tg_watch() is
  'Trigger of the shop''s orders: notes an order for Lapse. Arguments: key, amount, currency, deadline columns, then options.';

-- Contract: notes payments of an order. Arguments: key column; any number of columns with ids of Stripe's. Options: 'account=' and
-- 'expires_at=' with a column each. An update that leaves these columns as they were notes nothing.
--   create trigger lapse_attaches after insert or update of payment_intent_id on orders for each row when (new.status = 'pending')
--     execute function lapse.tg_attach('id', 'payment_intent_id');
create function lapse.tg_attach() returns trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_row jsonb;
  v_old jsonb;
  v_column text;
  v_expires_at text;
begin
  if current_setting('lapse.settling', true) = 'on' then
    return null;
  end if;
  v_row := to_jsonb(new);
  v_old := case when tg_op = 'UPDATE' then to_jsonb(old) end;
  v_expires_at := lapse.trigger_option(v_row, tg_argv[1:], 'expires_at');
  foreach v_column in array tg_argv[1:] loop
    continue when v_column like '%=%' or coalesce(v_row ->> v_column, '') = '';
    continue when v_old ->> v_column = v_row ->> v_column
      and lapse.trigger_option(v_old, tg_argv[1:], 'expires_at') is not distinct from v_expires_at;
    perform lapse.note(
      p_kind => 'attach',
      p_ref => v_row ->> tg_argv[0],
      p_payload => jsonb_build_object(
        'stripe_id', v_row ->> v_column,
        'account', lapse.trigger_option(v_row, tg_argv[1:], 'account'),
        'expires_at', v_expires_at
      )
    );
  end loop;
  return null;
exception when others then
  perform lapse.note_failure(p_kind => 'attach', p_ref => v_row ->> tg_argv[0], p_failure => sqlerrm);
  return null;
end;
$$;

comment on function lapse.tg_attach() is
  'Trigger of the shop''s orders or payments: notes payments for Lapse. Arguments: key column, columns with ids of Stripe''s, options.';

-- Contract: notes that the shop closed an order itself. Arguments: key column; status column; every status that means paid. After a
-- delete the order was closed unpaid.
--   create trigger lapse_follows after update of status on orders for each row when (old.status = 'pending' and new.status <> 'pending')
--     execute function lapse.tg_follow('id', 'status', 'paid', 'shipped');
create function lapse.tg_follow() returns trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_row jsonb;
begin
  if current_setting('lapse.settling', true) = 'on' then
    return null;
  end if;
  v_row := case when tg_op = 'DELETE' then to_jsonb(old) else to_jsonb(new) end;
  if tg_op = 'UPDATE' and to_jsonb(old) -> tg_argv[1] = v_row -> tg_argv[1] then
    return null;
  end if;
  perform lapse.note(
    p_kind => 'follow',
    p_ref => v_row ->> tg_argv[0],
    p_payload => jsonb_build_object(
      'status', v_row ->> tg_argv[1],
      'paid', tg_op <> 'DELETE' and coalesce(v_row ->> tg_argv[1] = any (tg_argv[2:]), false)
    )
  );
  return null;
exception when others then
  perform lapse.note_failure(p_kind => 'follow', p_ref => v_row ->> tg_argv[0], p_failure => sqlerrm);
  return null;
end;
$$;

comment on function lapse.tg_follow() is
  'Trigger of the shop''s orders: notes that the shop closed one. Arguments: key, status column, each status that means paid.';

-- An order as Lapse understood it, on its way into the ledger. `quarantine` names the reason why it cannot simply be watched.
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

-- Contract: an amount in the currency's minor unit, as Stripe counts it. 12.50 eur is 1250, 500 jpy is 500, 1.234 kwd is 1234.
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

-- Contract: the id of a PaymentIntent or Checkout Session in a text of the shop's: the id itself, a client secret, the URL of a session.
-- Null if there is none.
create function lapse.stripe_id_in(p_text text) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select regexp_replace(substring(p_text from '(?:^|[^A-Za-z0-9_])((?:pi|cs)_[A-Za-z0-9_]+)'), '_secret_.*$', '');
$$;

comment on function lapse.stripe_id_in(text) is 'The id of a PaymentIntent or Checkout Session in a text; empty if there is none.';

-- Contract: checks what is said of an order and brings it into the form of the ledger. Raises 22023 for what cannot be used. A deadline of
-- `infinity` is one that never comes; one that is centuries away is milliseconds taken for seconds.
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
    raise exception 'Cannot watch order %: its amount % is not a whole number of the currency''s minor unit', p_ref, p_amount
      using errcode = '22023';
  end if;
  if p_amount is not null and coalesce(v_currency !~ '^[a-z]{3}$', true) then
    raise exception 'Cannot watch order %: % is not the ISO code of its currency', p_ref, coalesce(p_currency, 'null')
      using errcode = '22023';
  end if;
  if not isfinite(p_placed_at) then
    raise exception 'Cannot watch order %: it cannot have been placed at %', p_ref, p_placed_at using errcode = '22023';
  end if;
  if p_deadline <> 'infinity' and p_deadline not between p_placed_at - interval '10 years' and p_placed_at + interval '3 years' then
    raise exception 'Cannot watch order %: its deadline % is years away from the time it was placed, %', p_ref, p_deadline, p_placed_at
      using errcode = '22023', hint = 'Times are timestamps, or seconds since 1970 given to to_timestamp().';
  end if;
  if coalesce(p_account, '') !~ '^(acct_[A-Za-z0-9]+)?$' then
    raise exception 'Cannot watch order %: % is not the id of a connected account (acct_…)', p_ref, p_account using errcode = '22023';
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

comment on function lapse.checked_note(text, numeric, text, timestamptz, text, text, timestamptz, text) is
  'Checks what is said of an order and brings it into the form of the ledger. Raises 22023 for what cannot be used.';

-- Contract: reads an entry `watch` of the inbox: the order it speaks of, or the problem with it. Never raises.
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
    p_amount => case v_said ->> 'unit' when 'major' then lapse.minor_units(v_amount, v_said ->> 'currency') else v_amount end,
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

comment on function lapse.read_watch(lapse.inbox, timestamptz) is 'Reads an entry of the inbox about an order. Never raises.';

-- Contract: reads an entry `attach` of the inbox: the payment it speaks of, or the problem with it. Never raises.
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
    when coalesce(p_entry.ref, '') = '' or length(p_entry.ref) > 500 then 'The ref is empty or longer than 500 characters'
    when stripe_id is null then format('%s is not the id of a PaymentIntent or Checkout Session', left(v_said ->> 'stripe_id', 100))
    when account !~ '^(acct_[A-Za-z0-9]+)?$' then format('%s is not the id of a connected account', left(account, 100))
  end;
  -- An expiry that cannot be used protects nothing, and makes no payment unreadable.
  expires_at := nullif(v_said ->> 'expires_at', '')::timestamptz;
  if not isfinite(expires_at) or expires_at > p_entry.at + interval '3 years' then
    expires_at := null;
  end if;
exception when others then
  expires_at := null;
end;
$$;

comment on function lapse.read_attach(lapse.inbox) is 'Reads an entry of the inbox about a payment. Never raises.';

-- Contract: reads these entries into the ledger, for each order in the order watch, attach, follow, and deletes them. The last readable
-- watch of an order counts. Answers the entries that it could not interpret, which stay. The caller holds the entries.
create function lapse.fold_entries(p_ids bigint[], p_now timestamptz) returns table (id bigint, problem text)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_problems jsonb;
  v_notes lapse.order_note[];
  v_attached jsonb;
  v_new text[];
  v_followed record;
begin
  with entries as materialized (
    select i.id, i.ref, r.note, r.problem
    from lapse.inbox i
    cross join lateral lapse.read_watch(p_entry => i, p_now => p_now) r
    where i.id = any (p_ids) and i.kind = 'watch'
  )
  select
    (select jsonb_object_agg(e.id, e.problem) from entries e where e.problem is not null),
    array(select l.note from (select distinct on (e.ref) e.* from entries e where e.problem is null order by e.ref, e.id desc) l)
  into v_problems, v_notes;
  perform lapse.note_orders(p_orders => v_notes, p_now => p_now);
  -- An entry that could not be interpreted is of no use once a later one could.
  delete from lapse.inbox i
  where i.ref in (select n.ref from unnest(v_notes) n) and i.kind = 'watch' and i.error is not null;

  select jsonb_agg(jsonb_build_object(
    'id', i.id, 'ref', i.ref, 'stripe_id', r.stripe_id, 'account', r.account, 'source', r.source, 'expires_at', r.expires_at,
    'problem', r.problem
  ) order by i.id)
  into v_attached
  from lapse.inbox i
  cross join lateral lapse.read_attach(p_entry => i) r
  where i.id = any (p_ids) and i.kind = 'attach';

  if v_attached is not null then
    v_new := array(
      select distinct a ->> 'ref'
      from jsonb_array_elements(v_attached) a
      where a ->> 'problem' is null
        and not exists (select from lapse.orders o where o.ref = a ->> 'ref' and o.status <> 'unknown')
    );
    if v_new <> '{}' then
      perform lapse.adopt_refs(p_refs => v_new, p_now => p_now);
      -- The shop does not call these open. The clean-up inspects their payments.
      insert into lapse.orders (ref, status, placed_at, deadline, next_check_at, due_since, watched_at)
      select r, 'unknown', p_now, p_now, p_now, p_now, p_now
      from unnest(v_new) r
      order by r collate "C"
      on conflict (ref) do nothing;
    end if;

    perform lapse.record_payments(
      p_refs => array_agg(a.ref), p_stripe_ids => array_agg(a.stripe_id), p_accounts => array_agg(a.account), p_source => a.source,
      p_now => p_now
    )
    from jsonb_to_recordset(v_attached) as a (ref text, stripe_id text, account text, source text, problem text)
    where a.problem is null
    group by a.source;
    delete from lapse.orders o where o.ref = any (v_new) and o.status = 'unknown' and o.payments = 0;

    perform lapse.hold_orders(p_refs => array_agg(h.ref), p_until => array_agg(h.until))
    from (
      select a.ref, max(a.expires_at) as until
      from jsonb_to_recordset(v_attached) as a (ref text, expires_at timestamptz, problem text)
      where a.problem is null and a.expires_at is not null
      group by a.ref
    ) h
    having count(*) > 0;

    select coalesce(v_problems, '{}') || coalesce(jsonb_object_agg(a.id, coalesce(
      a.problem, format('%s belongs to order %s', a.stripe_id, p.ref)
    )), '{}')
    into v_problems
    from jsonb_to_recordset(v_attached) as a (id bigint, ref text, stripe_id text, problem text)
    left join lapse.payments p on p.stripe_id = a.stripe_id
    where a.problem is not null or p.ref <> a.ref;
  end if;

  select array_agg(l.ref) as refs, array_agg(l.paid) as paid into v_followed
  from (
    select distinct on (i.ref) i.ref, (i.payload ->> 'paid')::boolean as paid
    from lapse.inbox i
    where i.id = any (p_ids) and i.kind = 'follow' and not i.payload ? 'problem'
    order by i.ref, i.id desc
  ) l;
  if v_followed.refs is not null then
    perform lapse.follow_orders(p_refs => v_followed.refs, p_paid => v_followed.paid, p_now => p_now);
    perform lapse.alert_wrong_money(p_refs => v_followed.refs, p_now => p_now);
  end if;

  select coalesce(v_problems, '{}') || coalesce(jsonb_object_agg(i.id, i.payload ->> 'problem'), '{}')
  into v_problems
  from lapse.inbox i
  where i.id = any (p_ids) and i.kind = 'follow' and i.payload ? 'problem';

  delete from lapse.inbox i where i.id = any (p_ids) and not v_problems ? i.id::text;
  return query select key::bigint, value from jsonb_each_text(v_problems);
end;
$$;

comment on function lapse.fold_entries(bigint[], timestamptz) is
  'Reads entries of the inbox into the ledger and deletes them. Answers those that it cannot interpret.';

-- Contract: folds the inbox: all entries of these refs, waiting for those that another fold holds; or, without refs, up to p_limit of the
-- oldest, leaving out what anybody holds. Never raises because of an entry: one that cannot be interpreted stays. Only a fold without refs
-- marks it with its error, for lapse.check_inbox to raise an alert. Answers how many entries it took.
create function lapse.fold_inbox(
  p_refs text[] default null,
  p_limit integer default 10000,
  p_now timestamptz default now()
) returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_all boolean := p_refs is null;
  v_ids bigint[];
  v_of_ref bigint[];
  v_problems jsonb := '{}';
  v_lock_timeout text := current_setting('lock_timeout');
begin
  if v_all then
    v_ids := array(
      select i.id from lapse.inbox i where i.error is null order by i.id limit p_limit for update skip locked
    );
    -- Who holds a ledger row may wait for an entry that is held here: leave those orders alone.
    v_ids := array(
      with asked as (
        select distinct i.ref from lapse.inbox i where i.id = any (v_ids)
      ),
      free as (
        select o.ref from lapse.orders o where o.ref in (select a.ref from asked a) order by o.ref for no key update skip locked
      )
      select i.id from lapse.inbox i
      where i.id = any (v_ids)
        and (i.ref in (select f.ref from free f) or not exists (select from lapse.orders o where o.ref = i.ref))
    );
  else
    v_ids := array(
      select i.id from lapse.inbox i where i.ref = any (p_refs) and i.error is null order by i.id for update
    );
  end if;
  if v_ids = '{}' then
    return 0;
  end if;

  begin
    if v_all then
      perform set_config('lock_timeout', '200ms', true);
    end if;
    select coalesce(jsonb_object_agg(f.id, f.problem), '{}') into v_problems
    from lapse.fold_entries(p_ids => v_ids, p_now => p_now) f;
  exception
    when others then
      if not v_all and sqlstate in ('55P03', '40P01') then
        raise;
      end if;
      -- Something in the batch cannot be folded: find out what, order by order.
      for v_of_ref in
        select array_agg(i.id order by i.id) from lapse.inbox i where i.id = any (v_ids) group by i.ref order by i.ref
      loop
        begin
          v_problems := v_problems || coalesce(
            (select jsonb_object_agg(f.id, f.problem) from lapse.fold_entries(p_ids => v_of_ref, p_now => p_now) f), '{}'
          );
        exception
          when lock_not_available or deadlock_detected then
            if not v_all then
              raise;
            end if;
          when others then
            v_problems := v_problems || (select jsonb_object_agg(x, sqlerrm) from unnest(v_of_ref) x);
        end;
      end loop;
  end;

  if v_all then
    perform set_config('lock_timeout', v_lock_timeout, true);
    if v_problems <> '{}' then
      update lapse.inbox i
      set error = coalesce(v_problems ->> i.id::text, 'unknown')
      where i.id in (select key::bigint from jsonb_each(v_problems));
    end if;
  end if;
  return cardinality(v_ids);
end;
$$;

comment on function lapse.fold_inbox(text[], integer, timestamptz) is
  'Reads the inbox into the ledger: all entries of these orders, or the oldest ones. Never raises because of an entry.';
