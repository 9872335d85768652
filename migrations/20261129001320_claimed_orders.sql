-- How a run reads orders: those it claimed, or, in a dry run, those it would claim.

-- Contract: these orders with their payments, as the functions parse them (ClaimedOrder), by deadline. p_shop has the
-- shop's state of unknown refs, {ref: state}.
create function lapse.claimed_orders(p_refs text[], p_shop jsonb default '{}') returns jsonb
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'ref', o.ref,
    'status', case when o.status in ('pending', 'expiring') then 'open' else o.status end,
    'attempt', o.attempt,
    'amount', o.amount,
    'currency', o.currency,
    'account', o.account,
    'method', o.method,
    'placedAt', o.placed_at,
    'deadline', o.deadline,
    'graceUntil', o.grace_until,
    'shopState', case when o.status = 'unknown' then p_shop ->> o.ref end,
    'payments', coalesce((
      select jsonb_agg(jsonb_build_object(
        'stripeId', p.stripe_id,
        'kind', p.kind,
        'account', p.account,
        'state', p.state,
        'source', p.source,
        'reason', p.reason,
        'receivedAmount', case
          when p.evidence ->> 'amount_received' ~ '^\d{1,18}$' then (p.evidence ->> 'amount_received')::bigint
        end,
        'intent', p.evidence ->> 'intent',
        'attachedAt', p.attached_at
      ) order by p.attached_at, p.stripe_id)
      from lapse.payments p
      where p.ref = o.ref
    ), '[]')
  ) order by o.deadline, o.ref), '[]')
  from lapse.orders o
  where o.ref = any (p_refs);
$$;

-- Contract: the shop's state of unknown refs that are due, {ref: state}, up to p_limit refs. Those that are open in the
-- shop are adopted on the way. A ref that is locked in the shop is left out, and so is every ref while the adapter
-- fails, so that the clean-up's other orders need not wait.
create function lapse.ask_about_unknown(p_now timestamptz, p_limit integer) returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_refs text[] := array(
    select o.ref
    from lapse.orders o
    -- The condition is repeated so that orders_stale_idx is used.
    where o.next_check_at is not null and o.next_check_at <= p_now and o.status in ('expired', 'paid', 'unknown')
      and o.status = 'unknown'
    order by o.next_check_at, o.ref
    limit p_limit
  );
  v_states jsonb;
begin
  if v_refs = '{}' then
    return '{}'::jsonb;
  end if;
  begin
    select coalesce(jsonb_object_agg(s.ref, s.state), '{}') into v_states
    from lapse.lock_shop_orders(p_refs => v_refs, p_wait => false) s;
    if v_states @? '$.* ? (@ == "open")' then
      perform lapse.adopt_refs(
        p_refs => array(select e.key from jsonb_each_text(v_states) e where e.value = 'open'), p_now => p_now
      );
    end if;
  exception
    when others then
      raise warning 'Cannot ask the shop about % orders that Lapse does not know: %', cardinality(v_refs), sqlerrm;
      return '{}'::jsonb;
  end;
  return v_states;
end;
$$;

-- Contract: what a dry run reads instead of claiming: the oldest due orders of a job, with payments and without,
-- whatever Stripe's lists say. No lock, no change.
create function lapse.preview_orders(p_job text, p_limit integer, p_now timestamptz default now()) returns jsonb
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select lapse.claimed_orders(p_refs => array(
    (
      select o.ref
      from lapse.orders o
      where p_job = 'expire-stale-orders' and o.next_check_at is not null and o.next_check_at <= p_now
        and o.status <> 'unknown'
      order by o.next_check_at, o.ref
      limit p_limit
    )
    union all
    (
      select o.ref
      from lapse.orders o
      where p_job = 'cleanup-stale-payment-intents' and o.next_check_at is not null and o.next_check_at <= p_now
        and o.status in ('expired', 'paid', 'unknown')
      order by o.next_check_at, o.ref
      limit p_limit
    )
  ));
$$;

-- Contract: {ref: units} of these orders, as far as the shop reports them: the stock that expiring them would release.
-- Locked orders are left out; without an adapter, all are. Locks the shop's rows until it ends, which takes
-- milliseconds, and changes nothing.
create function lapse.preview_units(p_refs text[]) returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  perform set_config('lock_timeout', '200ms', true);
  return (
    select coalesce(jsonb_object_agg(s.ref, s.units), '{}')
    from lapse.lock_shop_orders(p_refs => p_refs, p_wait => false) s
    where s.state = 'open'
  );
exception when others then
  raise warning 'Cannot ask the shop about the units of % orders: %', cardinality(p_refs), sqlerrm;
  return '{}'::jsonb;
end;
$$;

create function public.lapse_preview_units(p_refs text[]) returns jsonb
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
  select lapse.preview_units(p_refs => p_refs);
$$;

comment on function public.lapse_preview_units(text[]) is
  'Units that would be released if these orders expired. For the Edge Functions (secret key) only.';

create function public.lapse_preview_orders(p_job text, p_limit integer) returns jsonb
language sql stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select lapse.preview_orders(p_job => p_job, p_limit => p_limit, p_now => now());
$$;

comment on function public.lapse_preview_orders(text, integer) is
  'Due orders as a dry run reads them. For the Edge Functions (secret key) only.';
