-- Cursors over Stripe's lists: the time up to which every payment that names an order is recorded.
--
-- A payment the shop never attached can still be paid, and after a restore whole orders seem to have no payment. So a
-- run with due orders first reads Stripe's lists (PaymentIntents, Checkout Sessions) of the accounts concerned, oldest
-- window first. It closes an order only if both lists of its account were read past the order's due time and to less
-- than five minutes before the run began. A payment missing from a table proves nothing.

create table lapse.list_cursors (
  account text not null default '' check (account ~ '^(acct_[A-Za-z0-9]+)?$'),
  livemode boolean not null,
  list text not null check (list in ('payment_intents', 'checkout_sessions')),
  read_from timestamptz not null check (isfinite(read_from)),
  read_to timestamptz not null check (isfinite(read_to)),
  proven_at timestamptz,
  failing_since timestamptz,
  error text,
  primary key (account, livemode, list),
  constraint reads_forward check (read_from <= read_to)
);

comment on table lapse.list_cursors is
  'How far each of Stripe''s lists was read. A run closes only orders that were due before that, and only if that is less than five minutes before the run began.';
comment on column lapse.list_cursors.account is 'Connected account; empty: the platform''s own.';
comment on column lapse.list_cursors.livemode is 'True: live mode.';
comment on column lapse.list_cursors.list is 'payment_intents or checkout_sessions.';
comment on column lapse.list_cursors.read_from is 'Start of the period whose payments are recorded without a gap.';
comment on column lapse.list_cursors.read_to is 'End of that period.';
comment on column lapse.list_cursors.proven_at is
  'When a listed payment last named an order that the ledger or the shop knows: the key belongs to this shop.';
comment on column lapse.list_cursors.failing_since is 'Since when the list cannot be read; empty while it can.';
comment on column lapse.list_cursors.error is 'Why the list cannot be read.';

-- Contract: the mode whose lists a run uses: its own, or while that is unknown, that of the list read last.
create function lapse.mode_of(p_run lapse.runs) returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce((p_run).livemode, (select c.livemode from lapse.list_cursors c order by c.read_to desc limit 1));
$$;

-- Contract: the time that both lists of an account must be read past before this run closes one of its orders. An order
-- may have been due for hours: its run failed, the brake was on, or the database comes from a backup. Without this
-- check, a payment made since the last reading would be missed. Five minutes, so that a continuation seldom has to read
-- again.
create function lapse.lists_needed_to(p_run lapse.runs) returns timestamptz
language sql immutable
set search_path = pg_catalog, pg_temp
as $$ select (p_run).started_at - interval '5 minutes' $$;

-- Contract: whether any list, in the mode of the list read last, has not been read for an hour. A failing list does
-- not count, because an alert reports it.
create function lapse.list_is_behind(p_now timestamptz) returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select exists (
    select from lapse.list_cursors c
    where c.livemode = (select l.livemode from lapse.list_cursors l order by l.read_to desc limit 1)
      and c.read_to < p_now - interval '1 hour' and c.failing_since is null
  );
$$;

-- Contract: the accounts whose lists a run must read. expire-stale-orders: those of the 10,000 oldest due orders, if a
-- list was not read past their due times or not far enough for this run; for a run of one order, its account. The
-- clean-up: every account that has orders or a cursor, because where the webhook settles everything no other run reads
-- a list.
create function lapse.accounts_to_read(p_run lapse.runs, p_livemode boolean, p_now timestamptz) returns text[]
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  if (p_run).ref is not null then
    return array(select o.account from lapse.orders o where o.ref = (p_run).ref);
  end if;
  if (p_run).job = 'cleanup-stale-payment-intents' then
    return array(
      with recursive connected as (
        select min(o.account) as account from lapse.orders o where o.account <> ''
        union all
        select (select min(o.account) from lapse.orders o where o.account <> '' and o.account > c.account)
        from connected c
        where c.account is not null
      )
      select c.account from connected c where c.account is not null
      union
      select c.account from lapse.list_cursors c where c.livemode = p_livemode
      union
      select '' where exists (select from lapse.orders)
    );
  end if;
  return array(
    select d.account
    from (
      select o.account, o.next_check_at
      from lapse.orders o
      where o.next_check_at is not null and o.next_check_at <= p_now and o.status in ('pending', 'expiring')
      order by o.next_check_at, o.ref
      limit 10000
    ) d
    group by d.account
    having greatest(max(d.next_check_at), lapse.lists_needed_to(p_run => p_run)) >= coalesce((
      select min(c.read_to) from lapse.list_cursors c
      where c.account = d.account and c.livemode = p_livemode having count(*) = 2
    ), '-infinity')
  );
end;
$$;

-- Contract: creates the cursors that these accounts lack. A new cursor starts at the time at which the oldest order
-- known now was placed, even a closed one, because money may still arrive for it, but no further back than
-- settings.list_reach: older open orders are quarantined at adoption. lapse.note_orders moves it for older ones.
create function lapse.make_cursors(p_accounts text[], p_livemode boolean, p_now timestamptz) returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  insert into lapse.list_cursors (account, livemode, list, read_from, read_to)
  select a.account, p_livemode, l.list, f.start, f.start
  from lapse.settings s
  cross join unnest(p_accounts) a (account)
  cross join unnest('{payment_intents,checkout_sessions}'::text[]) l (list)
  cross join lateral (
    select least(p_now, greatest(p_now - s.list_reach, coalesce((
      select min(o.placed_at)
      from lapse.orders o
      where o.account = a.account
    ), p_now - s.list_reach))) as start
  ) f
  where not exists (
    select from lapse.list_cursors c where c.account = a.account and c.livemode = p_livemode and c.list = l.list
  )
  on conflict do nothing;
$$;

-- Contract: whether a recently listed payment proved that the key belongs to this shop. The proof expires with time,
-- because the key may be replaced: payments of unknown orders are cancelled only after stale_age, so an old proof must
-- not count.
create function lapse.is_proven(p_proven_at timestamptz, p_now timestamptz) returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(p_proven_at >= p_now - s.stale_age, false) from lapse.settings s;
$$;

-- Contract: the lists that a run must read before it claims, [{"account", "list", "readTo", "proven"}], beginning with
-- the one that is furthest behind. Also records the mode of the run's key in its row. Empty if all of
-- them were read within the last few minutes and past everything that is due.
create function lapse.list_windows(
  p_run_id uuid,
  p_fence bigint,
  p_livemode boolean,
  p_now timestamptz default now()
) returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_run lapse.runs := lapse.hold_lease(p_run_id => p_run_id, p_fence => p_fence, p_now => p_now);
  v_accounts text[];
begin
  update lapse.runs r set livemode = p_livemode where r.id = p_run_id;
  perform lapse.fold_inbox(p_refs => null, p_limit => 10000, p_now => p_now);
  v_accounts := lapse.accounts_to_read(p_run => v_run, p_livemode => p_livemode, p_now => p_now);
  perform lapse.make_cursors(p_accounts => v_accounts, p_livemode => p_livemode, p_now => p_now);
  return (
    select coalesce(jsonb_agg(
      jsonb_build_object(
        'account', c.account, 'list', c.list, 'readTo', c.read_to,
        'proven', lapse.is_proven(p_proven_at => c.proven_at, p_now => p_now)
      )
      order by c.read_to, c.account, c.list
    ), '[]')
    from lapse.list_cursors c
    where c.account = any (v_accounts) and c.livemode = p_livemode
  );
end;
$$;

create function public.lapse_list_windows(p_run_id uuid, p_fence bigint, p_livemode boolean) returns jsonb
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
  select lapse.list_windows(p_run_id => p_run_id, p_fence => p_fence, p_livemode => p_livemode, p_now => now());
$$;

comment on function public.lapse_list_windows(uuid, bigint, boolean) is
  'The lists that a run must read before it claims. For the Edge Functions (secret key) only.';

-- Contract: records that a list could not be read. Orders of its account wait, and the watch reports why.
create function lapse.list_failed(
  p_run_id uuid,
  p_fence bigint,
  p_livemode boolean,
  p_account text,
  p_list text,
  p_error text,
  p_now timestamptz default now()
) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  perform lapse.hold_lease(p_run_id => p_run_id, p_fence => p_fence, p_now => p_now);
  update lapse.list_cursors c
  set failing_since = coalesce(c.failing_since, p_now), error = left(p_error, 500)
  where c.account = coalesce(p_account, '') and c.livemode = p_livemode and c.list = p_list;
end;
$$;

create function public.lapse_list_failed(
  p_run_id uuid, p_fence bigint, p_livemode boolean, p_account text, p_list text, p_error text
) returns void
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
  select lapse.list_failed(
    p_run_id => p_run_id, p_fence => p_fence, p_livemode => p_livemode, p_account => p_account, p_list => p_list,
    p_error => p_error,
    p_now => now()
  );
$$;

comment on function public.lapse_list_failed(uuid, bigint, boolean, text, text, text) is
  'Records that one of Stripe''s lists could not be read. For the Edge Functions (secret key) only.';
