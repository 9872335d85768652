-- The inbox: changes of the shop's orders, recorded by its triggers until Lapse reads them.
--
-- A trigger only appends: it takes no lock that a run could hold, and it keeps odd values unchanged. So no write of
-- the shop fails or waits because of Lapse. Folding reads the entries into the ledger: every claim folds first, and so
-- does every close, after it has locked the shop's row and therefore sees each trigger that committed.

create table lapse.inbox (
  id bigint generated always as identity primary key,
  kind text not null check (kind in ('watch', 'attach', 'follow')),
  ref text collate "C",
  payload jsonb not null default '{}',
  role text,
  at timestamptz not null default now(),
  error text
)
-- A queue that fills and empties. Vacuum must not truncate it, because that would lock out all writers for a moment
-- each time.
with (vacuum_truncate = off, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
  autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 50000);

create index inbox_ref_idx on lapse.inbox (ref);
-- The entries that folding takes. Unreadable entries stay until a person deals with them, and are not read again.
create index inbox_unread_idx on lapse.inbox (id) where error is null;
create index inbox_errors_idx on lapse.inbox (id) where error is not null;

comment on table lapse.inbox is 'Changes that the shop''s triggers recorded and that are not yet in the ledger.';
comment on column lapse.inbox.id is 'Number of the entry; later ones are higher.';
comment on column lapse.inbox.kind is
  'watch: an order was placed or changed; attach: it has a payment; follow: the shop closed it.';
comment on column lapse.inbox.ref is 'The order.';
comment on column lapse.inbox.payload is 'The values of the shop''s row, as text.';
comment on column lapse.inbox.role is 'Role that changed the shop''s row; anon and authenticated are customers.';
comment on column lapse.inbox.at is 'When the shop''s transaction began.';
comment on column lapse.inbox.error is 'Why Lapse cannot interpret the entry; empty: not read yet.';

-- Contract: appends one entry for the trigger that calls it. Waits at most 100 ms, even if a migration locks the
-- table.
create function lapse.note(p_kind text, p_ref text, p_payload jsonb) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
set lock_timeout = '100ms'
as $$
begin
  insert into lapse.inbox (kind, ref, payload, role)
  values (
    p_kind, p_ref, jsonb_strip_nulls(p_payload), coalesce(nullif(current_setting('role', true), 'none'), session_user)
  );
end;
$$;

-- Contract: records that a trigger failed. Never raises: if even that entry cannot be written, there is a warning, and
-- adoption and drift find the order.
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

-- Contract: the options among a trigger's arguments (name=column or name=value), with the row's values of the columns.
create function lapse.trigger_options(p_row jsonb, p_arguments text[]) returns jsonb
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_options jsonb := '{}'::jsonb;
  v_argument text;
  v_value text;
begin
  foreach v_argument in array coalesce(p_arguments, '{}'::text[]) loop
    continue when strpos(v_argument, '=') = 0;
    v_value := substr(v_argument, strpos(v_argument, '=') + 1);
    v_options := v_options || jsonb_build_object(
      split_part(v_argument, '=', 1), case when p_row ? v_value then p_row ->> v_value else v_value end
    );
  end loop;
  return v_options;
end;
$$;

-- Contract: raises 22023 if a trigger's arguments name a column that the row lacks, because the shop renamed it. The
-- trigger then notes the problem, and an alert reports it. Empty names and options (name=value) are no columns.
create function lapse.require_columns(p_row jsonb, p_columns text[]) returns void
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_column text;
begin
  foreach v_column in array p_columns loop
    if v_column <> '' and strpos(v_column, '=') = 0 and not p_row ? v_column then
      raise exception 'The row has no column %: correct the trigger''s arguments', v_column
        using errcode = 'invalid_parameter_value';
    end if;
  end loop;
end;
$$;

-- Contract: records that an order was placed, or that its deadline or amount changed. Arguments: key column; amount
-- column ('' if the shop does not know it); currency column or code; deadline column, or the time to pay as an
-- interval, or '' for the policies of Lapse. Options: 'unit=major' for amounts like 12.50, 'method=', 'channel=',
-- 'placed_at=', 'account=' with a column each.
--   create trigger lapse_watches after insert or update of total, expires_at on orders
--     for each row when (new.status = 'pending')
--     execute function lapse.tg_watch('id', 'total', 'eur', 'expires_at', 'unit=major', 'placed_at=created_at');
create function lapse.tg_watch() returns trigger
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
  v_row := to_jsonb(new);
  perform lapse.require_columns(p_row => v_row, p_columns => tg_argv[0:1]);
  perform lapse.note(
    p_kind => 'watch',
    p_ref => v_row ->> tg_argv[0],
    p_payload => lapse.trigger_options(p_row => v_row, p_arguments => tg_argv[4:]) || jsonb_build_object(
      'amount', v_row ->> tg_argv[1],
      'currency', case when v_row ? tg_argv[2] then v_row ->> tg_argv[2] else tg_argv[2] end,
      case when v_row ? tg_argv[3] then 'deadline' else 'time_to_pay' end,
      case when v_row ? tg_argv[3] then v_row ->> tg_argv[3] else tg_argv[3] end
    )
  );
  return null;
exception when others then
  perform lapse.note_failure(p_kind => 'watch', p_ref => v_row ->> tg_argv[0], p_failure => sqlerrm);
  return null;
end;
$$;

comment on function lapse.tg_watch() is
  'Trigger of the shop''s orders: records an order. Arguments: key, amount, currency, deadline columns, then options.';

-- Contract: records payments of an order. Arguments: key column; any number of columns with ids of Stripe's. Options:
-- 'account=' and 'expires_at=' with a column each. An update that does not change these columns records nothing.
--   create trigger lapse_attaches after insert or update of payment_intent_id on orders
--     for each row when (new.status = 'pending')
--     execute function lapse.tg_attach('id', 'payment_intent_id');
create function lapse.tg_attach() returns trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_row jsonb;
  v_old jsonb;
  v_options jsonb;
  v_postponed boolean;
  v_column text;
begin
  if current_setting('lapse.settling', true) = 'on' then
    return null;
  end if;
  v_row := to_jsonb(new);
  perform lapse.require_columns(p_row => v_row, p_columns => tg_argv);
  v_options := lapse.trigger_options(p_row => v_row, p_arguments => tg_argv[1:]);
  if tg_op = 'UPDATE' then
    v_old := to_jsonb(old);
    v_postponed := lapse.trigger_options(p_row => v_old, p_arguments => tg_argv[1:]) -> 'expires_at'
      is distinct from v_options -> 'expires_at';
  end if;
  foreach v_column in array tg_argv[1:] loop
    continue when strpos(v_column, '=') > 0 or coalesce(v_row ->> v_column, '') = '';
    continue when v_old ->> v_column = v_row ->> v_column and not v_postponed;
    perform lapse.note(
      p_kind => 'attach',
      p_ref => v_row ->> tg_argv[0],
      p_payload => v_options || jsonb_build_object('stripe_id', v_row ->> v_column)
    );
  end loop;
  return null;
exception when others then
  perform lapse.note_failure(p_kind => 'attach', p_ref => v_row ->> tg_argv[0], p_failure => sqlerrm);
  return null;
end;
$$;

comment on function lapse.tg_attach() is
  'Trigger of the shop''s tables: records payments. Arguments: key column, columns with ids of Stripe''s, options.';

-- Contract: records that the shop closed an order itself. Arguments: key column; status column; every status that
-- means paid. After a delete the order was closed unpaid.
--   create trigger lapse_follows after update of status on orders
--     for each row when (old.status = 'pending' and new.status <> 'pending')
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
  perform lapse.require_columns(p_row => v_row, p_columns => tg_argv[0:1]);
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
  'Trigger of the shop''s orders: records that the shop closed one. Arguments: key, status column, paid statuses.';
