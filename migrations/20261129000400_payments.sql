-- Payments of watched orders: PaymentIntents and Checkout Sessions. Stripe's ids are unique across accounts.
--
-- Not a child of lapse.orders by foreign key: payments are kept longer than orders, so that late money is recognised.

create table lapse.payments (
  stripe_id text collate "C" primary key check (stripe_id ~ '^(pi|cs)_[A-Za-z0-9_]+$' and stripe_id !~ '_secret_'),
  ref text collate "C" not null,
  kind text not null generated always as
    (case when left(stripe_id, 3) = 'cs_' then 'checkout_session' else 'payment_intent' end) stored,
  account text not null default '' check (account ~ '^(acct_[A-Za-z0-9]+)?$'),
  -- server: attached by the shop's backend or by its own row; client: noted by a customer's role; list: found in
  -- Stripe's list
  source text not null default 'server' check (source in ('server', 'client', 'list')),
  state text not null default 'open' check (state in ('open', 'paid', 'dead')),
  reason text,
  evidence jsonb,
  attached_at timestamptz not null default now(),
  checked_at timestamptz,
  closed_at timestamptz,
  constraint evidence_when_closed check (state = 'open' or (evidence is not null and closed_at is not null))
)
with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000, autovacuum_analyze_scale_factor = 0,
  autovacuum_analyze_threshold = 20000);

create index payments_ref_idx on lapse.payments (ref);
create index payments_closed_idx on lapse.payments (closed_at) where closed_at is not null;
-- The session that made an intent: events about refunds and disputes name the intent alone.
create index payments_intent_idx on lapse.payments ((evidence ->> 'intent')) where evidence ? 'intent';

comment on table lapse.payments is 'PaymentIntents and Checkout Sessions of orders. An order may have several.';
comment on column lapse.payments.stripe_id is 'Id at Stripe: pi_… or cs_….';
comment on column lapse.payments.ref is 'The order it pays for.';
comment on column lapse.payments.kind is 'payment_intent or checkout_session.';
comment on column lapse.payments.account is 'Connected account the payment lives on (direct charges); empty: the platform''s own.';
comment on column lapse.payments.source is 'server: attached by the shop; client: noted by a customer''s role, so its metadata must match; list: found in Stripe''s list.';
comment on column lapse.payments.state is 'open: may still be paid; paid; dead: Stripe confirmed that it can never be paid.';
comment on column lapse.payments.reason is 'What the last look at Stripe found.';
comment on column lapse.payments.evidence is 'Stripe''s answer behind the state: status, amounts, request id. No personal data.';
comment on column lapse.payments.attached_at is 'When Lapse first heard of the payment.';
comment on column lapse.payments.checked_at is 'When Stripe was last asked about it.';
comment on column lapse.payments.closed_at is 'When it was recorded as paid or dead.';

-- Triggers refuse what no writer may do. Their conditions are in WHEN clauses, so that a legal row costs no function
-- call.

-- Keeps final states of orders and payments final, and a payment with its order.
create function lapse.refuse_change() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception 'Cannot change % of % from %: it is final', tg_argv[0], coalesce(to_jsonb(old) ->> 'stripe_id', to_jsonb(old) ->> 'ref'),
    to_jsonb(old) ->> tg_argv[0] using errcode = 'restrict_violation';
end;
$$;

-- An order is expired only when each of its payments is recorded dead.
create function lapse.refuse_expiry_with_live_payment() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if exists (select from lapse.payments p where p.ref = new.ref and p.state <> 'dead') then
    raise exception 'Cannot expire order %: a payment of it is not dead', new.ref using errcode = 'restrict_violation';
  end if;
  return new;
end;
$$;

-- Whether Stripe's answer shows that all of the money was given back.
create function lapse.is_refunded(p_evidence jsonb) returns boolean
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(
    (p_evidence -> 'amount_received')::bigint > 0
      and (p_evidence -> 'amount_refunded')::bigint >= (p_evidence -> 'amount_received')::bigint,
    false
  );
$$;

-- Only a revival leads out of expired, or the shop, which sold the order after all.
create trigger final_status before update of status on lapse.orders
  for each row when (
    old.status in ('expired', 'paid') and new.status is distinct from old.status
    and not (old.status = 'expired' and new.status = 'paid' and coalesce(new.reason in ('revived', 'closed_by_shop'), false))
  )
  execute function lapse.refuse_change('status');
create trigger legal_move before update of status on lapse.orders
  for each row when (old.status = 'quarantined' and new.status = 'expiring')
  execute function lapse.refuse_change('status');
create trigger expired_when_payments_dead before update of status on lapse.orders
  for each row when (new.status = 'expired' and old.status <> 'expired' and new.payments > 0)
  execute function lapse.refuse_expiry_with_live_payment();
-- Money that was given back before its order was settled is no money.
create trigger final_state before update of state on lapse.payments
  for each row when (
    old.state in ('paid', 'dead') and new.state is distinct from old.state
    and not (old.state = 'paid' and new.state = 'dead' and new.reason is not distinct from 'refunded' and lapse.is_refunded(new.evidence))
  )
  execute function lapse.refuse_change('state');
create trigger final_order before update of ref on lapse.payments
  for each row when (new.ref is distinct from old.ref) execute function lapse.refuse_change('ref');

-- A payment's row that somebody deletes by hand would make its order look unpaid. Retention says so before it deletes.
create trigger kept_while_open before delete on lapse.payments
  for each row when (coalesce(current_setting('lapse.retaining', true), '') <> 'on')
  execute function lapse.refuse_change('stripe_id');

-- Nor may anybody empty the ledger, for which no row trigger fires.
create function lapse.refuse_truncate() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception 'Cannot truncate lapse.%: orders would look as if they had no payments', tg_table_name
    using errcode = 'restrict_violation', hint = 'lapse uninstall removes Lapse as a whole.';
end;
$$;

create trigger kept before truncate on lapse.orders for each statement execute function lapse.refuse_truncate();
create trigger kept before truncate on lapse.payments for each statement execute function lapse.refuse_truncate();
