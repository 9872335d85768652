-- The port of the second shop: the functions of migrations/*_shop_port*.sql, *_shop_mark_order_paid.sql and *_jobs_count_payments.sql,
-- written anew for its tables. The contract of each stands above its original; only what differs is explained here.

-- The first shop's tables go, and with them the functions that have one of their rows as an argument.
drop function public.place_order, public.attach_payment, jobs.lock_reserved_stock, jobs.close_reservations, jobs.held_units;
drop table public.stock_reservations, public.order_payments, public.orders, public.inventory, public.expiry_policies cascade;
drop function jobs.refuse_final_state, jobs.refuse_illegal_move, jobs.refuse_expiry_with_live_payment, jobs.count_payment;

-- Pieces that sales hold.
create function shop2.pieces_of(p_ids uuid[]) returns table (id uuid, pieces bigint)
language sql stable
set search_path = ''
as $$
  select w.id, sum(l.pieces)
  from shop2.sale_watch w
  join shop2.sale_lines l using (sale_no)
  where w.id = any (p_ids)
  group by w.id;
$$;

-- An order is two rows here. Everybody locks the sale first and its watch second, as an update by the shop itself does (follow_sale).
create function shop2.lock_sales(p_ids uuid[]) returns void
language plpgsql
set search_path = ''
as $$
begin
  perform from shop2.sales s
  where s.sale_no in (select w.sale_no from shop2.sale_watch w where w.id = any (p_ids))
  order by s.sale_no
  for no key update;
  perform from shop2.sale_watch w where w.id = any (p_ids) order by w.id for update;
end;
$$;

create function shop2.lock_stock(p_ids uuid[]) returns void
language sql
set search_path = ''
as $$
  select from shop2.stock k
  where k.article in (select l.article from shop2.sale_watch w join shop2.sale_lines l using (sale_no) where w.id = any (p_ids))
  order by k.article
  for update;
$$;

-- Voided sales give their pieces back. Sold ones left the stock when the sale was placed: a paid sale moves nothing. Neither does one
-- that is not open any more: who closed it has moved its pieces.
create or replace function jobs.shop_move_stock(p_decisions jobs.decision[], p_now timestamptz) returns void
language plpgsql
set search_path = ''
as $$
declare
  v_void uuid[];
begin
  with closed as (
    update shop2.sales s
    set state = case d.outcome when 'paid' then 'paid' else 'void' end
    from unnest(p_decisions) d
    join shop2.sale_watch w on w.id = d.order_id
    where d.subject = 'order' and d.outcome in ('paid', 'expired') and s.sale_no = w.sale_no and s.state = 'open'
    returning w.id, s.state
  )
  select array_agg(c.id) filter (where c.state = 'void') into v_void from closed c;

  perform shop2.lock_stock(v_void);
  update shop2.stock k
  set available = k.available + f.pieces
  from (
    select l.article, sum(l.pieces)::integer as pieces
    from shop2.sale_watch w
    join shop2.sale_lines l using (sale_no)
    where w.id = any (v_void)
    group by l.article
  ) f
  where k.article = f.article;
end;
$$;

create or replace function jobs.shop_due(p_now timestamptz, p_cap integer)
returns table (due integer, oldest timestamptz)
language sql stable
set search_path = ''
as $$
  select count(*)::integer, min(d.next_check_at)
  from (
    select w.next_check_at
    from shop2.sale_watch w
    where w.status in ('pending', 'expiring') and w.next_check_at <= p_now
    order by w.next_check_at, w.id
    limit p_cap
  ) d;
$$;

create or replace function jobs.shop_expire_without_payments(p_now timestamptz, p_limit integer) returns jobs.decision[]
language plpgsql
set search_path = ''
as $$
declare
  v_expired uuid[];
begin
  with due as (
    select w.id
    from shop2.sale_watch w
    join shop2.sales s using (sale_no)
    where w.status in ('pending', 'expiring') and w.next_check_at <= p_now and w.refs = 0
    order by w.next_check_at, w.id
    limit p_limit
    for no key update of s, w skip locked
  ),
  expired as (
    update shop2.sale_watch w
    set status = 'expired', status_reason = 'no_payment', closed_at = p_now, next_check_at = null, claimed_by = null
    from due d
    where w.id = d.id
    returning w.id
  )
  select array_agg(e.id) into v_expired from expired e;

  return (
    select coalesce(array_agg(row('order', e.id, null, 'expired', 'no_payment', v.pieces, null, null)::jobs.decision), '{}')
    from unnest(v_expired) e (id)
    -- also those that hold no piece
    left join shop2.pieces_of(v_expired) v using (id)
  );
end;
$$;

-- The uuid instead of the number, cents instead of euros.
create function jobs.shop_order_json(p_sale shop2.sale_watch) returns jsonb
language sql stable
set search_path = ''
as $$
  select jsonb_build_object(
    'id', (p_sale).id,
    'attempt', (p_sale).attempt,
    'failures', (p_sale).failures,
    'amount', (s.total_eur * 100)::bigint,
    'currency', 'eur',
    'expiresAt', s.pay_until,
    'payments', coalesce((
      select jsonb_agg(jsonb_build_object(
        'id', r.id, 'kind', r.kind, 'stripeId', r.ref, 'stripeAccount', r.account, 'state', r.state, 'graceUntil', r.grace_until,
        'createdAt', r.added
      ) order by r.added, r.id)
      from shop2.ref_watch r
      where r.sale_id = (p_sale).id
    ), '[]')
  )
  from shop2.sales s
  where s.sale_no = (p_sale).sale_no;
$$;

create or replace function jobs.shop_claim(p_run_id uuid, p_now timestamptz, p_until timestamptz, p_limit integer) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_claimed uuid[];
begin
  with due as (
    select w.id, w.status = 'expiring' as lapsed
    from shop2.sale_watch w
    join shop2.sales s using (sale_no)
    where w.status in ('pending', 'expiring') and w.next_check_at <= p_now and w.refs > 0
    order by w.next_check_at, w.id
    limit p_limit
    for no key update of s, w skip locked
  ),
  claimed as (
    update shop2.sale_watch w
    set status = 'expiring', claimed_by = p_run_id, attempt = w.attempt + 1, failures = w.failures + d.lapsed::integer,
        next_check_at = p_until
    from due d
    where w.id = d.id
    returning w.id
  )
  select array_agg(c.id) into v_claimed from claimed c;

  -- A statement of its own: a payment attached just before the claim got the lock is in it.
  return (select coalesce(jsonb_agg(jobs.shop_order_json(w) order by w.sale_no), '[]') from shop2.sale_watch w where w.id = any (v_claimed));
end;
$$;

create or replace function jobs.shop_settle(p_run_id uuid, p_decisions jsonb, p_now timestamptz) returns jobs.decision[]
language plpgsql
set search_path = ''
as $$
declare
  v_held uuid[];
  v_ref_ids uuid[];
  v_sales jobs.decision[];
  v_refs jobs.decision[];
begin
  if exists (select from jsonb_array_elements(p_decisions) d group by d -> 'orderId' having count(*) > 1) then
    raise exception 'Cannot settle two decisions about one order: current value is %',
      (select d ->> 'orderId' from jsonb_array_elements(p_decisions) d group by 1 having count(*) > 1 limit 1)
      using errcode = 'invalid_parameter_value';
  end if;

  perform shop2.lock_sales(array(select (d ->> 'orderId')::uuid from jsonb_array_elements(p_decisions) d));

  select array_agg(w.id) into v_held
  from jsonb_to_recordset(p_decisions) as d ("orderId" uuid, attempt integer)
  join shop2.sale_watch w on w.id = d."orderId" and w.status = 'expiring' and w.claimed_by = p_run_id and w.attempt = d.attempt;

  -- Collected first: the planner cannot guess how few payments a JSON list names, and would read all open ones.
  select array_agg((p ->> 'paymentId')::uuid) into v_ref_ids
  from jsonb_array_elements(p_decisions) d, jsonb_array_elements(d -> 'payments') p;

  -- What Stripe said of the payments is true whatever became of the sale.
  with said as (
    select (d ->> 'orderId')::uuid as sale_id, p.*
    from jsonb_array_elements(p_decisions) d,
      jsonb_to_recordset(d -> 'payments') as p (
        "paymentId" uuid, "stripeId" text, state text, outcome text, reason text, "graceUntil" timestamptz, evidence jsonb
      )
  ),
  recorded as (
    update shop2.ref_watch r
    set state = s.state, reason = s.reason, evidence = s.evidence, grace_until = coalesce(s."graceUntil", r.grace_until),
        checked_at = p_now, closed_at = case when s.state <> 'open' then p_now end
    from said s
    where r.id = any (v_ref_ids) and r.id = s."paymentId" and r.sale_id = s.sale_id and r.state = 'open'
    returning r.id, r.state
  )
  select array_agg(row(r.kind, s.sale_id, s."stripeId", s.outcome, s.reason, 0, null, s.evidence)::jobs.decision) into v_refs
  from said s
  join shop2.ref_watch r on r.id = s."paymentId" and r.sale_id = s.sale_id
  left join recorded c on c.id = r.id
  where r.id = any (v_ref_ids) and (s.sale_id = any (v_held) or c.state <> 'open');

  with held as materialized (
    select d.*, w.failures, d.outcome = 'expired' and exists (
      select from shop2.ref_watch r where r.sale_id = w.id and r.state <> 'dead'
    ) as payable
    from jsonb_to_recordset(p_decisions) as d (
      "orderId" uuid, attempt integer, outcome text, reason text, "nextCheckAt" timestamptz
    )
    join shop2.sale_watch w on w.id = d."orderId"
    where w.id = any (v_held)
  ),
  -- no sale is voided while a payment of it lives, whatever the run says
  sound as (
    select h."orderId" as id, h."nextCheckAt" as next_check_at, h.failures,
      case when h.payable then 'retry' else h.outcome end as outcome,
      case when h.payable then 'payment_not_dead' else h.reason end as reason
    from held h
  ),
  -- failed attempts wait longer each time, with jitter, and end in quarantine
  effective as (
    select s.id,
      case when x.exhausted then 'quarantined' else s.outcome end as outcome,
      case when x.exhausted then 'attempts_exhausted' else s.reason end as reason,
      case
        when s.outcome = 'handed_back' then p_now
        when s.outcome = 'waiting' then greatest(least(s.next_check_at, p_now + interval '1 month'), p_now + g.backoff_base)
        when s.outcome = 'retry' and not x.exhausted then greatest(
          s.next_check_at, p_now + least(g.backoff_max, g.backoff_base * 2 ^ least(s.failures, 20) * (0.75 + random() / 2))
        )
      end as next_check_at
    from sound s
    cross join jobs.settings g
    cross join lateral (select s.outcome = 'retry' and s.failures + 1 >= g.max_attempts as exhausted) x
  ),
  applied as (
    update shop2.sale_watch w
    set status = case when e.outcome in ('waiting', 'retry', 'handed_back') then 'pending' else e.outcome end,
        status_reason = case when e.outcome = 'handed_back' then w.status_reason else e.reason end,
        next_check_at = e.next_check_at,
        claimed_by = null,
        failures = case e.outcome when 'retry' then w.failures + 1 when 'waiting' then 0 else w.failures end,
        closed_at = case when e.outcome in ('paid', 'expired') then p_now end
    from effective e
    where w.id = e.id
    returning w.id, e.outcome, e.reason, w.next_check_at
  )
  select array_agg(row('order', a.id, null, a.outcome, a.reason, coalesce(h.pieces, 0), a.next_check_at, null)::jobs.decision) into v_sales
  from applied a
  left join shop2.pieces_of(v_held) h on h.id = a.id and a.outcome = 'expired';

  return coalesce(v_sales, '{}') || coalesce(v_refs, '{}');
end;
$$;

create or replace function jobs.shop_preview(p_now timestamptz, p_limit integer) returns jsonb
language sql stable
set search_path = ''
as $$
  with due as (
    select w.*
    from shop2.sale_watch w
    where w.status in ('pending', 'expiring') and w.next_check_at <= p_now
    order by w.next_check_at, w.id
    limit p_limit
  )
  select coalesce(jsonb_agg(jobs.shop_order_json(row(d.*)::shop2.sale_watch) order by d.next_check_at, d.id), '[]') from due d;
$$;

create or replace function jobs.shop_redrive(p_order_id uuid, p_reason text, p_requested_by text, p_now timestamptz) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_sale shop2.sale_watch;
begin
  select * into v_sale from shop2.sale_watch w where w.id = p_order_id for update;
  if not found then
    raise exception 'Cannot redrive order as it does not exist: current value is %', p_order_id using errcode = 'PT404';
  end if;
  if v_sale.status <> 'quarantined' then
    raise exception 'Cannot redrive order % as it is not quarantined: current value is %', p_order_id, v_sale.status
      using errcode = 'PT409';
  end if;
  update shop2.sale_watch w
  set status = 'pending', next_check_at = p_now, failures = 0, status_reason = format('redriven by %s: %s', p_requested_by, p_reason)
  where w.id = p_order_id
  returning * into v_sale;
  return jobs.shop_order_json(v_sale);
end;
$$;

create or replace function jobs.shop_declare_dead(
  p_stripe_id text,
  p_stripe_account text,
  p_reason text,
  p_actor text,
  p_now timestamptz
) returns jobs.decision
language plpgsql
set search_path = ''
as $$
declare
  v_sale shop2.sale_watch;
  v_ref shop2.ref_watch;
begin
  select w.* into v_sale
  from shop2.sale_watch w
  join shop2.ref_watch r on r.sale_id = w.id
  where r.ref = p_stripe_id and r.account is not distinct from p_stripe_account
  for update of w;
  if not found then
    raise exception 'Cannot declare payment dead as it was never attached: current value is %', coalesce(left(p_stripe_id, 100), 'null')
      using errcode = 'PT404';
  end if;
  select * into v_ref from shop2.ref_watch r where r.ref = p_stripe_id for update;
  if v_ref.state <> 'open' then
    raise exception 'Cannot declare payment % dead as it is not open: current value is %', p_stripe_id, v_ref.state using errcode = 'PT409';
  end if;
  if v_sale.status <> 'quarantined' then
    raise exception 'Cannot declare payment % dead as its order is not quarantined: current value is %', p_stripe_id, v_sale.status
      using errcode = 'PT409';
  end if;
  if v_ref.reason is distinct from 'checkout_unclosable' then
    raise exception 'Cannot declare payment % dead as its last look did not end as checkout_unclosable: current value is %',
      p_stripe_id, coalesce(v_ref.reason, 'null') using errcode = 'PT409';
  end if;
  update shop2.ref_watch r
  set state = 'dead', reason = 'declared_dead', closed_at = p_now,
      evidence = r.evidence || jsonb_build_object('declared_by', p_actor, 'declared_because', p_reason, 'declared_at', p_now)
  where r.id = v_ref.id
  returning * into v_ref;
  return row(v_ref.kind, v_ref.sale_id, v_ref.ref, 'found_dead', v_ref.reason, 0, null, v_ref.evidence)::jobs.decision;
end;
$$;

create or replace function jobs.shop_count_intents(p_from timestamptz[], p_to timestamptz[], p_cap integer) returns integer[]
language sql stable
set search_path = ''
as $$
  select coalesce(array_agg((
    select count(*)::integer
    from (
      select from shop2.ref_watch r where r.kind = 'payment_intent' and r.added between s.from_at and s.to_at limit p_cap
    ) capped
  ) order by s.nr), '{}')
  from unnest(p_from, p_to) with ordinality as s (from_at, to_at, nr);
$$;

create or replace function jobs.shop_quarantined() returns table (orders integer, examples uuid[])
language sql stable
set search_path = ''
as $$
  select count(*)::integer, (array_agg(w.id order by w.id))[1:5] from shop2.sale_watch w where w.status = 'quarantined';
$$;

-- This shop has no `reserved` that could differ: its promises are that a sale's state fits Lapse's, and that voided sales are unpayable.
create or replace function jobs.shop_broken_invariants() returns table (name text, message text, examples jsonb)
language sql stable
set search_path = ''
as $$
  select 'sales', format('%s sales are open here and closed there', count(*)), to_jsonb((array_agg(s.sale_no))[1:5])
  from shop2.sales s
  join shop2.sale_watch w using (sale_no)
  where s.state = 'open' and w.status in ('paid', 'expired')
  having count(*) > 0
  union all
  select 'expired_orders', format('%s payments of void sales are not recorded dead', count(*)), to_jsonb((array_agg(r.ref))[1:5])
  from shop2.ref_watch r
  join shop2.sale_watch w on w.id = r.sale_id
  where r.state = 'open' and w.status = 'expired'
  having count(*) > 0;
$$;
