-- record_listed: records one window of one of Stripe's lists and moves the cursor over it, in one transaction.

-- Contract: a ref as the ledger stores it: a uuid in capitals is the same uuid.
create function lapse.canonical_ref(p_ref text) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select case when p_ref ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then lower(p_ref) else p_ref end;
$$;

-- Contract: p_payments are the payments of a window that carry a ref and are neither canceled nor expired,
-- [{"stripeId", "ref", "createdAt", "status"}]. Payments that no order has yet are recorded under the order they name,
-- in the ref's own spelling or as a uuid in lower case. The shop is asked about refs that the ledger lacks: open
-- orders are adopted, money of a paid order is ignored, and all others become orders of status `unknown`. The clean-up
-- inspects these once their payment is stale, or immediately if it brought money. Moves read_to to p_to if the window
-- began at or before it: both jobs read with the same cursor. Returns {"readTo", "recorded", "proven"}.
create function lapse.record_listed(
  p_run_id uuid,
  p_fence bigint,
  p_livemode boolean,
  p_account text,
  p_list text,
  p_from timestamptz,
  p_to timestamptz,
  p_payments jsonb,
  p_now timestamptz default now()
) returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_account text := coalesce(p_account, '');
  v_listed jsonb;
  v_asked text[];
  v_shop jsonb := '{}'::jsonb;
  v_recorded integer;
  v_cursor lapse.list_cursors;
begin
  perform lapse.hold_lease(p_run_id => p_run_id, p_fence => p_fence, p_now => p_now);

  -- The payments that can be recorded, with the ref that the ledger has or would have.
  select coalesce(jsonb_agg(jsonb_build_object(
    'id', x.id, 'ref', coalesce(o.ref, lapse.canonical_ref(x.ref)), 'at', x.at,
    'money', x.status in ('succeeded', 'complete')
  )), '[]') into v_listed
  from (
    select distinct on (p ->> 'stripeId') p ->> 'stripeId' as id, p ->> 'ref' as ref, p ->> 'status' as status,
      least((p ->> 'createdAt')::timestamptz, p_now) as at
    from jsonb_array_elements(coalesce(p_payments, '[]')) p
    where p ->> 'stripeId' ~ '^(pi|cs)_[A-Za-z0-9_]+$' and p ->> 'stripeId' !~ '_secret_'
      and length(p ->> 'ref') between 1 and 500
  ) x
  left join lapse.orders o on o.ref = x.ref;

  -- The shop's rows first, then the ledger's.
  v_asked := array(
    select distinct l ->> 'ref'
    from jsonb_array_elements(v_listed) l
    where not exists (select from lapse.orders o where o.ref = l ->> 'ref' and o.status <> 'unknown')
      and not exists (select from lapse.payments p where p.stripe_id = l ->> 'id')
    order by 1
  );
  if v_asked <> '{}' then
    select coalesce(jsonb_object_agg(s.ref, s.state), '{}') into v_shop
    from lapse.lock_shop_orders(p_refs => v_asked, p_wait => false) s;
    perform lapse.adopt_refs(
      p_refs => array(select e.key from jsonb_each_text(v_shop) e where e.value = 'open' order by e.key), p_now => p_now
    );
    v_listed := (
      select coalesce(jsonb_agg(l), '[]')
      from jsonb_array_elements(v_listed) l
      where not coalesce(v_shop ->> (l ->> 'ref') = 'paid' and (l -> 'money')::boolean, false)
    );
    insert into lapse.orders as o (
      ref, status, reason, account, placed_at, deadline, next_check_at, due_since, watched_at
    )
    select l ->> 'ref', 'unknown', 'named_by_payment', v_account, min((l ->> 'at')::timestamptz),
      min((l ->> 'at')::timestamptz),
      min(x.due), greatest(min(x.due), p_now), p_now
    from jsonb_array_elements(v_listed) l
    cross join lapse.settings s
    cross join lateral (
      select (l ->> 'at')::timestamptz + case when (l -> 'money')::boolean then interval '0' else s.stale_age end as due
    ) x
    where l ->> 'ref' = any (v_asked) and not exists (select from lapse.payments p where p.stripe_id = l ->> 'id')
    group by l ->> 'ref'
    order by l ->> 'ref'
    on conflict (ref) do update
    set next_check_at = least(o.next_check_at, excluded.next_check_at),
        due_since = least(o.due_since, excluded.due_since)
    where o.status = 'unknown' and o.run_id is null;
  end if;

  perform from lapse.orders o
  where o.ref in (select l ->> 'ref' from jsonb_array_elements(v_listed) l)
  order by o.ref
  for no key update;
  select count(*) into v_recorded
  from lapse.record_payments(
    p_refs => array(select l ->> 'ref' from jsonb_array_elements(v_listed) l order by l ->> 'ref', l ->> 'id'),
    p_stripe_ids => array(select l ->> 'id' from jsonb_array_elements(v_listed) l order by l ->> 'ref', l ->> 'id'),
    p_accounts => array(select v_account from jsonb_array_elements(v_listed) l),
    p_source => 'list', p_now => p_now
  );

  update lapse.list_cursors c
  set read_to = case when c.read_to >= p_from then greatest(c.read_to, least(p_to, p_now)) else c.read_to end,
      proven_at = case
        when exists (
          select from jsonb_array_elements(v_listed) l
          join lapse.orders o on o.ref = l ->> 'ref' and o.status <> 'unknown'
        ) or exists (select from jsonb_each_text(v_shop) e where e.value <> 'gone') then p_now
        else c.proven_at
      end,
      failing_since = null,
      error = null
  where c.account = v_account and c.livemode = p_livemode and c.list = p_list
  returning c.* into v_cursor;
  if not found then
    raise exception 'Cannot record a window of %: there is no cursor for account "%"', p_list, v_account
      using errcode = 'PT404', hint = 'lapse.list_windows creates the cursors.';
  end if;
  return jsonb_build_object(
    'readTo', v_cursor.read_to, 'recorded', v_recorded,
    'proven', lapse.is_proven(p_proven_at => v_cursor.proven_at, p_now => p_now)
  );
end;
$$;

create function public.lapse_record_listed(
  p_run_id uuid, p_fence bigint, p_livemode boolean, p_account text, p_list text, p_from timestamptz, p_to timestamptz,
  p_payments jsonb
) returns jsonb
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
  select lapse.record_listed(
    p_run_id => p_run_id, p_fence => p_fence, p_livemode => p_livemode, p_account => p_account, p_list => p_list,
    p_from => p_from,
    p_to => p_to, p_payments => p_payments, p_now => now()
  );
$$;

comment on function public.lapse_record_listed(uuid, bigint, boolean, text, text, timestamptz, timestamptz, jsonb) is
  'Records the payments of one window of a list and moves its cursor. For the Edge Functions (secret key) only.';
