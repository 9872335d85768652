-- The only place that calls the shop's functions in schema lapse_shop. Their results are checked before use.
--
-- Errors: LP002, the shop refused to close orders; LP010, there is no adapter, or it breaks the contract.

-- Contract: why no run can work (no adapter, or one for another version of the contract), or null.
create function lapse.adapter_problem() returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_missing text;
  v_version integer;
begin
  select string_agg(f, ', ' order by f) into v_missing
  from unnest(array[
    'lapse_shop.contract_version()', 'lapse_shop.finish_orders(text[],text[])',
    'lapse_shop.lock_orders(text[],boolean)', 'lapse_shop.open_orders(text[])'
  ]) f
  where to_regprocedure(f) is null;
  if v_missing is not null then
    return format(
      'The shop has no adapter, or an incomplete one: %s is missing. Write it with `lapse adapter`.', v_missing
    );
  end if;
  begin
    v_version := lapse_shop.contract_version();
  exception when others then
    return format('The shop''s adapter cannot tell its version: %s', sqlerrm);
  end;
  if v_version is distinct from 1 then
    return format(
      'The shop''s adapter is for version %s of the contract, and this is version 1.', coalesce(v_version::text, 'null')
    );
  end if;
  return null;
end;
$$;

-- Passes on a state that the adapter reported. Raises LP010 for an unknown one.
create function lapse.known_shop_state(p_ref text, p_state text) returns text
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_state not in ('open', 'paid', 'closed', 'gone') then
    raise exception 'Cannot use the answer of lapse_shop.lock_orders: % is not a state of order %', p_state, p_ref
      using errcode = 'LP010', hint = 'The states are open, paid, closed and gone.';
  end if;
  return p_state;
end;
$$;

-- Contract: locks these orders in the shop and reports them, one row per ref at most. Drops refs that it did not ask
-- for. A ref that the adapter does not report, or reports with a contradiction, counts as locked by another
-- transaction. With p_wait false Lapse gives way: it waits for no lock longer than 200 ms. Raises LP010 without an
-- adapter and for an unknown state.
create function lapse.lock_shop_orders(p_refs text[], p_wait boolean)
returns table (ref text, state text, units bigint, stripe_ids text[])
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_lock_timeout text := current_setting('lock_timeout');
begin
  if coalesce(cardinality(p_refs), 0) = 0 then
    return;
  end if;
  if to_regprocedure('lapse_shop.lock_orders(text[],boolean)') is null then
    raise exception 'Cannot lock orders of the shop: it has no adapter'
      using errcode = 'LP010', hint = 'Write it with `lapse adapter`.';
  end if;
  if not p_wait then
    perform set_config('lock_timeout', '200ms', true);
  end if;
  return query
  with answered as materialized (
    select l.ref, l.state, l.units, l.stripe_ids from lapse_shop.lock_orders(p_refs => p_refs, p_wait => p_wait) l
  ),
  named as (
    select a.ref, array_agg(distinct x.id) filter (where x.id is not null) as ids
    from answered a
    cross join unnest(a.stripe_ids) said
    -- Most texts are ids already, and calling a function for each would dominate the cost.
    cross join lateral (
      select case when said ~ '^(pi|cs)_[A-Za-z0-9]+$' then said else lapse.stripe_id_in(said) end as id
    ) x
    group by a.ref
  )
  select a.ref, min(a.state), greatest(coalesce(max(a.units), 0), 0), coalesce(min(n.ids), '{}')
  from answered a
  left join named n on n.ref = a.ref
  where a.ref in (select unnest(p_refs))
  group by a.ref
  having count(a.state) = count(*) and case
    when min(a.state) in ('open', 'paid', 'closed', 'gone') then min(a.state) = max(a.state)
    else lapse.known_shop_state(a.ref, min(a.state)) is null
  end;
  if not p_wait then
    perform set_config('lock_timeout', v_lock_timeout, true);
  end if;
end;
$$;

-- Contract: closes these orders in the shop, p_expired as unpaid and p_paid as paid, and checks that the shop did so.
-- The caller has locked them and found them open. Lapse's own triggers record nothing while it does so. A run gives
-- way: it waits for no lock longer than 200 ms; inside a transaction of the shop (p_patient) the shop's own limit
-- applies. Raises LP002, with the refs as detail, if the shop left one of them open or put it into another state.
create function lapse.finish_shop_orders(p_expired text[], p_paid text[], p_patient boolean default false) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_expired text[] := coalesce(p_expired, '{}');
  v_paid text[] := coalesce(p_paid, '{}');
  v_lock_timeout text := current_setting('lock_timeout');
  v_settling text := coalesce(current_setting('lapse.settling', true), '');
  v_refused text[];
begin
  if v_expired || v_paid = '{}' then
    return;
  end if;
  perform set_config('lapse.settling', 'on', true);
  if not p_patient then
    perform set_config('lock_timeout', '200ms', true);
  end if;
  perform lapse_shop.finish_orders(p_expired => v_expired, p_paid => v_paid);
  perform set_config('lapse.settling', v_settling, true);
  perform set_config('lock_timeout', v_lock_timeout, true);

  v_refused := array(
    with answered as materialized (
      -- this transaction holds them, so there is nothing to wait for
      select l.ref, l.state from lapse_shop.lock_orders(p_refs => v_expired || v_paid, p_wait => false) l
    )
    select e from unnest(v_expired) e left join answered a on a.ref = e
    where coalesce(a.state not in ('closed', 'gone'), true)
    union
    select p from unnest(v_paid) p left join answered a on a.ref = p where coalesce(a.state <> 'paid', true)
    order by 1
  );
  if v_refused <> '{}' then
    raise exception 'Cannot close % orders in the shop: lapse_shop.finish_orders left them in another state', cardinality(v_refused)
      using errcode = 'LP002', detail = to_jsonb(v_refused)::text,
      hint = 'It must close the orders that lapse_shop.lock_orders reported as open.';
  end if;
end;
$$;

-- Contract: the open orders of the shop, all or these. Drops rows that it did not ask for and second rows of an order,
-- and brings ids of payments into Stripe's form. Returns nothing without an adapter.
create function lapse.open_shop_orders(p_refs text[] default null)
returns table (
  ref text, placed_at timestamptz, deadline timestamptz, amount bigint, currency text, account text, stripe_ids text[]
)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  if to_regprocedure('lapse_shop.open_orders(text[])') is null then
    return;
  end if;
  return query
  select distinct on (s.ref) s.ref, s.placed_at, s.deadline, s.amount, s.currency, s.account,
    case when s.stripe_ids <> '{}' then array(
      select distinct lapse.stripe_id_in(said)
      from unnest(s.stripe_ids) said
      where lapse.stripe_id_in(said) is not null
      order by 1
    ) else '{}' end
  from lapse_shop.open_orders(p_refs => p_refs) s
  where s.ref <> '' and length(s.ref) <= 500 and (p_refs is null or s.ref in (select unnest(p_refs)));
end;
$$;
