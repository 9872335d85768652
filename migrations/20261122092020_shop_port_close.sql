-- The shop behind the jobs, third part: orders that never had a payment are closed without asking Stripe, and the stock behind closed
-- orders moves.

-- Contract: the units that these orders hold.
create function jobs.held_units(p_order_ids uuid[]) returns table (order_id uuid, units integer)
language sql stable
set search_path = ''
as $$
  select r.order_id, sum(r.quantity)::integer
  from public.stock_reservations r
  where r.order_id = any (p_order_ids) and r.state = 'held'
  group by r.order_id;
$$;

comment on function jobs.held_units(uuid[]) is 'Units that orders hold.';

-- Contract: closes up to p_limit due orders that never had a payment, oldest first, and returns their decisions with the units they
-- hold; jobs.shop_move_stock gives these back in the same transaction. Safe without asking Stripe because attach_payment takes the
-- same row lock and raises payment_count: an order that got a payment a moment ago is either locked (skipped) or shows the new count
-- when its lock is taken.
create function jobs.shop_expire_without_payments(p_now timestamptz, p_limit integer) returns jobs.decision[]
language plpgsql
set search_path = ''
as $$
declare
  v_expired uuid[];
begin
  with due as (
    select o.id
    from public.orders o
    where o.status in ('pending', 'expiring') and o.next_check_at <= p_now and o.payment_count = 0
    order by o.next_check_at, o.id
    limit p_limit
    for update skip locked
  ),
  expired as (
    update public.orders o
    set status = 'expired', status_reason = 'no_payment', expired_at = p_now, next_check_at = null, claimed_by = null
    from due d
    where o.id = d.id
    returning o.id
  )
  select array_agg(e.id) into v_expired from expired e;

  return (
    select coalesce(
      array_agg(row('order', e.id, null, 'expired', 'no_payment', h.units, null, null)::jobs.decision), '{}'
    )
    from unnest(v_expired) e (id)
    left join jobs.held_units(p_order_ids => v_expired) h on h.order_id = e.id
  );
end;
$$;

comment on function jobs.shop_expire_without_payments(timestamptz, integer) is
  'Closes due orders that never had a payment, set-based; their stock moves with jobs.shop_move_stock.';

-- Contract: moves the stock behind decisions that were applied in this transaction: orders that expired give theirs back, orders that
-- were paid have sold it. Called once and last, because a checkout of the same article waits from here to the commit.
create function jobs.shop_move_stock(p_decisions jobs.decision[], p_now timestamptz) returns void
language sql
set search_path = ''
as $$
  select jobs.close_reservations(
    p_now => p_now,
    p_expired => array_agg(d.order_id) filter (where d.outcome = 'expired'),
    p_paid => array_agg(d.order_id) filter (where d.outcome = 'paid')
  )
  from unnest(p_decisions) d
  where d.subject = 'order';
$$;

comment on function jobs.shop_move_stock(jobs.decision[], timestamptz) is 'Releases or sells the stock of orders that were decided.';

revoke all on all functions in schema jobs from public;
