-- The ledger: what Lapse remembers of the shop's orders.
--
-- The shop's own row is authoritative for an order and its stock. The ledger is authoritative for the rest: when to
-- check the order, which run holds it, which payments it has and what Stripe said of them.
--
-- Lock order, for every writer: the job's lease, the shop's order rows by key, ledger rows by ref, payments, decisions,
-- articles by key. A claim locks ledger rows only, and skips those that are locked.

create table lapse.orders (
  ref text collate "C" primary key check (ref <> '' and length(ref) <= 500),
  -- unknown: payments at Stripe name this ref, and neither ledger nor shop had an order for it when they were found
  status text not null default 'pending'
    check (status in ('pending', 'expiring', 'expired', 'paid', 'quarantined', 'unknown')),
  reason text,
  amount bigint check (amount >= 0),
  currency text check (currency ~ '^[a-z]{3}$'),
  account text not null default '' check (account ~ '^(acct_[A-Za-z0-9]+)?$'),
  method text,
  channel text,
  placed_at timestamptz not null check (isfinite(placed_at)),
  deadline timestamptz not null check (isfinite(deadline)),
  hold_until timestamptz check (isfinite(hold_until)),
  grace_until timestamptz,
  next_check_at timestamptz check (isfinite(next_check_at)),
  due_since timestamptz,
  looks integer not null default 0 check (looks >= 0),
  payments integer not null default 0 check (payments >= 0),
  attempt integer not null default 0 check (attempt >= 0),
  failures integer not null default 0 check (failures >= 0),
  run_id uuid,
  watched_at timestamptz not null default now(),
  closed_at timestamptz,
  constraint currency_with_amount check ((amount is null) = (currency is null)),
  constraint checked_while_open check (status not in ('pending', 'expiring') or (next_check_at is not null and due_since is not null)),
  constraint claimed_while_expiring check (status <> 'expiring' or run_id is not null),
  constraint closed_at_when_closed check ((status in ('expired', 'paid')) = (closed_at is not null))
)
-- A queue: dead index entries come before the live ones, so vacuum must not wait until a fifth of all rows is dead.
with (
  fillfactor = 80, vacuum_index_cleanup = on,
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
  autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 50000,
  autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 20000
);

-- The only index that claims use: every order that must be checked, open or closed, in the order in which they are due.
create index orders_due_idx on lapse.orders (next_check_at, ref) where next_check_at is not null and status <> 'unknown';
-- Orders without payments are closed set-based. This index spares that statement the orders with payments.
create index orders_due_without_payment_idx on lapse.orders (next_check_at, ref)
  where status in ('pending', 'expiring') and payments = 0;
-- What the clean-up works on.
create index orders_stale_idx on lapse.orders (next_check_at, ref)
  where next_check_at is not null and status in ('expired', 'paid', 'unknown');
create index orders_waiting_since_idx on lapse.orders (due_since) where status in ('pending', 'expiring');
create index orders_quarantined_idx on lapse.orders (ref) where status = 'quarantined';
create index orders_closed_idx on lapse.orders (closed_at) where closed_at is not null;
-- The clean-up asks which connected accounts there are.
create index orders_account_idx on lapse.orders (account) where account <> '';

comment on table lapse.orders is 'Orders that Lapse watches: one row from checkout to retention.';
comment on column lapse.orders.ref is 'The shop''s own key of the order, as text; payments at Stripe carry it in their metadata.';
comment on column lapse.orders.status is
  'pending: waits for payment; expiring: a run holds it; expired: closed, stock released; paid; quarantined: kept for an operator; unknown: only payments at Stripe name it.';
comment on column lapse.orders.reason is 'Why the order has this status, as the last decision said.';
comment on column lapse.orders.amount is 'Total to pay in the currency''s minor unit (cents); empty: any payment settles the order.';
comment on column lapse.orders.currency is 'ISO 4217 code in lower case.';
comment on column lapse.orders.account is 'Connected account whose payments pay the order; empty: the platform''s own.';
comment on column lapse.orders.method is 'Payment method the customer chose, if the shop said so.';
comment on column lapse.orders.channel is 'Sales channel, if the shop said so.';
comment on column lapse.orders.placed_at is 'When the order was placed.';
comment on column lapse.orders.deadline is 'Deadline to pay that the customer was given.';
comment on column lapse.orders.hold_until is 'Expiry of a voucher the customer holds, where it is later than the deadline.';
comment on column lapse.orders.grace_until is 'End of the one extra grace for a customer found in 3-D Secure or a redirect.';
comment on column lapse.orders.next_check_at is
  'When Lapse next looks at the order: deadline plus grace, recheck time, or the end of a run''s claim. Empty: nothing to look at.';
comment on column lapse.orders.due_since is 'Since when the order has waited for a decision. Handing the order back never moves it.';
comment on column lapse.orders.looks is 'How often a run decided about the order; 0: due for the first time, which is what the brake counts.';
comment on column lapse.orders.payments is 'How many payments were attached. On this row, so that a locked order shows one attached a moment ago.';
comment on column lapse.orders.attempt is 'How often a run claimed the order. Fences stale runs off and makes idempotency keys unique.';
comment on column lapse.orders.failures is 'Failed attempts in a row; sets the backoff, and quarantines the order after the last one.';
comment on column lapse.orders.run_id is 'The run that holds the order until next_check_at.';
comment on column lapse.orders.watched_at is 'When Lapse first heard of the order.';
comment on column lapse.orders.closed_at is 'When the order was closed.';
