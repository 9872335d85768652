-- Orders, their payments and the stock they hold.
--
-- Contract (each line is kept by a constraint or a trigger below, whoever writes):
--   * an order moves only along the design's arrows: expired and paid are final, and only the job, while it holds an order
--     (expiring), sets it aside; a quarantined order is paid or goes back to pending;
--   * an order is expired only when each of its payments is recorded dead, with Stripe's answer as evidence;
--   * a payment belongs to the order it was attached to;
--   * a reservation leaves `held` once, to `released` or to `consumed`;
--   * next_check_at is set exactly while the job has to look at the order: it is deadline, recheck time and lease in one.

create table public.orders (
  id uuid primary key default gen_random_uuid(),
  status text not null default 'pending'
    check (status in ('pending', 'expiring', 'expired', 'paid', 'quarantined')),
  status_reason text,
  currency text not null check (currency ~ '^[a-z]{3}$'),
  amount bigint not null check (amount >= 0),
  payment_method text not null default 'card' check (payment_method <> ''),
  channel text not null default 'web' check (channel <> ''),
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  grace interval not null default interval '0' check (grace >= interval '0'),
  next_check_at timestamptz,
  paid_at timestamptz,
  expired_at timestamptz,
  payment_count integer not null default 0 check (payment_count >= 0),
  attempt integer not null default 0 check (attempt >= 0),
  failures integer not null default 0 check (failures >= 0),
  claimed_by uuid,
  constraint checked_while_open check ((status in ('pending', 'expiring')) = (next_check_at is not null)),
  constraint claimed_while_expiring check ((status = 'expiring') = (claimed_by is not null)),
  constraint paid_at_when_paid check ((status = 'paid') = (paid_at is not null)),
  constraint expired_at_when_expired check ((status = 'expired') = (expired_at is not null))
);

-- The one index that serves the claim: it holds open orders only, in the order in which they are due.
create index orders_due_idx on public.orders (next_check_at, id) where status in ('pending', 'expiring');
-- Orders without payments are closed set-based; this keeps their batch from reading past orders that have some.
create index orders_due_without_payment_idx on public.orders (next_check_at, id)
  where status in ('pending', 'expiring') and payment_count = 0;
create index orders_quarantined_idx on public.orders (id) where status = 'quarantined';

comment on table public.orders is 'What customers placed. An order holds stock until it is paid or expired.';
comment on column public.orders.id is 'The order; payments at Stripe carry it as metadata.order_id.';
comment on column public.orders.created_at is 'When the order was placed.';
comment on column public.orders.paid_at is 'When the order was settled as paid.';
comment on column public.orders.expired_at is 'When the order was closed unpaid.';
comment on column public.orders.status is
  'pending: waits for payment; expiring: a run is closing it; expired: closed, stock released; paid: stock kept; quarantined: set aside for an operator.';
comment on column public.orders.status_reason is 'Why the order stands where it stands, as the last decision said.';
comment on column public.orders.currency is 'ISO 4217 code in lower case, as Stripe writes it.';
comment on column public.orders.amount is 'Total to pay, in the currency''s minor unit (cents).';
comment on column public.orders.payment_method is 'Payment method the customer chose; picks the expiry policy.';
comment on column public.orders.channel is 'Sales channel; picks the expiry policy.';
comment on column public.orders.expires_at is 'Deadline to pay, as the customer was told.';
comment on column public.orders.grace is 'Hidden time after expires_at before the job first looks at the order.';
comment on column public.orders.next_check_at is
  'When the job next looks at the order: deadline plus grace, recheck time, or the end of a run''s claim. Empty once closed.';
comment on column public.orders.payment_count is
  'How many payments were attached; a trigger counts. Kept on the order itself so that a locked order shows a payment attached a moment ago.';
comment on column public.orders.attempt is 'How often a run claimed the order. Fences stale runs off and makes idempotency keys unique.';
comment on column public.orders.failures is 'Failed attempts in a row; sets the backoff, and the order aside after the last one.';
comment on column public.orders.claimed_by is 'The run that holds the order while it is expiring.';

create table public.order_payments (
  id uuid primary key default gen_random_uuid(),
  order_id uuid not null references public.orders (id),
  kind text not null check (kind in ('payment_intent', 'checkout_session')),
  stripe_id text not null,
  stripe_account text check (stripe_account ~ '^acct_[A-Za-z0-9]+$'),
  state text not null default 'open' check (state in ('open', 'paid', 'dead')),
  reason text,
  evidence jsonb,
  grace_until timestamptz,
  created_at timestamptz not null default now(),
  checked_at timestamptz,
  closed_at timestamptz,
  constraint id_of_its_kind check (stripe_id ~ case kind when 'payment_intent' then '^pi_[A-Za-z0-9_]+$' else '^cs_[A-Za-z0-9_]+$' end),
  constraint one_row_each unique nulls not distinct (stripe_id, stripe_account),
  constraint evidence_when_closed check (state = 'open' or (evidence is not null and closed_at is not null))
);

create index order_payments_order_idx on public.order_payments (order_id);

comment on table public.order_payments is 'PaymentIntents and Checkout Sessions of orders. An order may have several.';
comment on column public.order_payments.id is 'Lapse''s own id of the payment.';
comment on column public.order_payments.order_id is 'The order it pays for.';
comment on column public.order_payments.created_at is 'When it was attached.';
comment on column public.order_payments.checked_at is 'When a run last asked Stripe about it.';
comment on column public.order_payments.closed_at is 'When it was recorded as paid or dead.';
comment on column public.order_payments.kind is 'payment_intent or checkout_session.';
comment on column public.order_payments.stripe_id is 'Id at Stripe: pi_… or cs_….';
comment on column public.order_payments.stripe_account is 'Connected account the payment lives on (direct charges); empty: the platform''s own.';
comment on column public.order_payments.state is 'open: may still be paid; paid; dead: Stripe confirmed that it can never be paid.';
comment on column public.order_payments.reason is 'What the last look at Stripe found.';
comment on column public.order_payments.evidence is 'Stripe''s answer behind the state: status, amounts, request id. No personal data.';
comment on column public.order_payments.grace_until is 'End of the one extra grace for a customer found in 3-D Secure or a redirect.';

create table public.stock_reservations (
  order_id uuid not null references public.orders (id),
  sku text not null references public.inventory (sku),
  quantity integer not null check (quantity > 0),
  state text not null default 'held' check (state in ('held', 'released', 'consumed')),
  closed_at timestamptz,
  primary key (order_id, sku),
  constraint closed_at_when_closed check ((state = 'held') = (closed_at is null))
);

create index stock_reservations_held_idx on public.stock_reservations (sku) where state = 'held';

comment on table public.stock_reservations is 'Units of one SKU that one order holds, or held.';
comment on column public.stock_reservations.order_id is 'The order that holds the units.';
comment on column public.stock_reservations.sku is 'What is held.';
comment on column public.stock_reservations.closed_at is 'When the units were released or sold.';
comment on column public.stock_reservations.quantity is 'Units.';
comment on column public.stock_reservations.state is 'held; released: back on the shelf; consumed: sold. Leaves held once.';

-- Triggers refuse what no writer may do. Their conditions are in WHEN clauses, so that a legal row costs no function call.

create function jobs.refuse_final_state() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  raise exception 'Cannot change % as it is final: current value is %',
    tg_argv[0], to_jsonb(old) ->> tg_argv[1]
    using errcode = 'restrict_violation', detail = to_jsonb(old)::text;
end;
$$;

comment on function jobs.refuse_final_state() is 'Keeps final states final: order, payment and reservation states that nobody may leave.';

create trigger final_status before update of status on public.orders
  for each row when (old.status in ('expired', 'paid') and new.status is distinct from old.status)
  execute function jobs.refuse_final_state('order status', 'status');

create function jobs.refuse_illegal_move() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  raise exception 'Cannot make order % as no order moves there from where it is: current value is %', new.status, old.status
    using errcode = 'restrict_violation', detail = old.id::text;
end;
$$;

comment on function jobs.refuse_illegal_move() is 'Keeps orders on the arrows of docs/design.md.';

create trigger legal_move before update of status on public.orders
  for each row when (
    (old.status = 'pending' and new.status = 'quarantined')
    or (old.status = 'quarantined' and new.status in ('expiring', 'expired'))
  )
  execute function jobs.refuse_illegal_move();

create trigger final_state before update of state on public.order_payments
  for each row when (old.state in ('paid', 'dead') and new.state is distinct from old.state)
  execute function jobs.refuse_final_state('payment state', 'state');

-- An order's row counts its payments, and the job closes an order that has none without asking Stripe: no payment changes sides.
create trigger final_order before update of order_id on public.order_payments
  for each row when (new.order_id is distinct from old.order_id)
  execute function jobs.refuse_final_state('payment order', 'order_id');

create trigger final_state before update of state on public.stock_reservations
  for each row when (old.state <> 'held' and new.state is distinct from old.state)
  execute function jobs.refuse_final_state('reservation state', 'state');

create function jobs.refuse_expiry_with_live_payment() returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  if exists (
    select from public.order_payments p where p.order_id = new.id and p.state <> 'dead'
  ) then
    raise exception 'Cannot expire order as a payment is not dead: current value is %',
      (select p.state from public.order_payments p where p.order_id = new.id and p.state <> 'dead' limit 1)
      using errcode = 'restrict_violation', detail = new.id::text;
  end if;
  return new;
end;
$$;

comment on function jobs.refuse_expiry_with_live_payment() is 'An order is expired only when each of its payments is recorded dead.';

create trigger expired_when_payments_dead before update of status on public.orders
  for each row when (new.status = 'expired' and old.status <> 'expired' and new.payment_count > 0)
  execute function jobs.refuse_expiry_with_live_payment();

-- The order's row counts its payments. The update takes the order's lock, so that this and the claim take turns, and fails
-- for a payment that could still be paid of an order whose stock is back on the shelf.
create function jobs.count_payment() returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_status text;
begin
  update public.orders o set payment_count = o.payment_count + 1 where o.id = new.order_id returning o.status into v_status;
  if v_status = 'expired' and new.state = 'open' then
    raise exception 'Cannot attach payment % as the order is closed: current value is %', new.stripe_id, v_status
      using errcode = 'restrict_violation', detail = new.order_id::text;
  end if;
  return new;
end;
$$;

comment on function jobs.count_payment() is 'Counts an order''s payments on its row; refuses an open payment of an expired order.';

create trigger counted after insert on public.order_payments
  for each row execute function jobs.count_payment();

revoke all on all functions in schema jobs from public;

alter table public.orders enable row level security;
alter table public.order_payments enable row level security;
alter table public.stock_reservations enable row level security;

-- Rows change through the shop's functions and the jobs only; nobody writes them over REST, not even the secret key.
revoke all on table public.orders, public.order_payments, public.stock_reservations
  from public, anon, authenticated, service_role;
grant select on table public.orders, public.order_payments, public.stock_reservations to authenticated, service_role;

create policy "operators and viewers read orders" on public.orders
  for select to authenticated
  using (((select auth.jwt()) -> 'app_metadata' ->> 'jobs_role') in ('operator', 'viewer'));
create policy "operators and viewers read payments" on public.order_payments
  for select to authenticated
  using (((select auth.jwt()) -> 'app_metadata' ->> 'jobs_role') in ('operator', 'viewer'));
create policy "operators and viewers read reservations" on public.stock_reservations
  for select to authenticated
  using (((select auth.jwt()) -> 'app_metadata' ->> 'jobs_role') in ('operator', 'viewer'));
