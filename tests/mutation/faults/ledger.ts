import { type Fault, faultsIn } from "../fault.ts";

const ORDERS = ["database/orders"];
const PAYMENTS = ["database/payments"];

/** Writes that are never allowed. */
export const LEDGER_FAULTS: Fault[] = [
  ...faultsIn("migrations/20261129000300_orders.sql", ORDERS, [
    [
      "claim-of-nobody",
      "check (status <> 'expiring' or run_id is not null)",
      "check (true)",
      "an order is held by no run",
    ],
    [
      "closed-without-a-time",
      "check ((status in ('expired', 'paid')) = (closed_at is not null))",
      "check (true)",
      "a closed order is never deleted",
    ],
    [
      "open-without-a-check",
      "check (status not in ('pending', 'expiring') or (next_check_at is not null and due_since is not null))",
      "check (true)",
      "an open order is never looked at",
    ],
    [
      "amount-without-currency",
      "check ((amount is null) = (currency is null))",
      "check (true)",
      "an amount is compared with another currency's",
    ],
  ]),
  ...faultsIn("migrations/20261129000400_payments.sql", PAYMENTS, [
    [
      "closed-without-evidence",
      "check (state = 'open' or (evidence is not null and closed_at is not null))",
      "check (true)",
      "a payment counts as dead and nobody knows why",
    ],
    ["secret-as-an-id", "and stripe_id !~ '_secret_'", "", "a client secret stands in the ledger"],
    [
      "order-not-final",
      "old.status in ('expired', 'paid') and new.status is distinct from old.status",
      "old.status = 'paid' and new.status is distinct from old.status",
      "an expired order comes back without its stock",
      ORDERS,
    ],
    [
      "quarantine-left-by-a-claim",
      "when (old.status = 'quarantined' and new.status = 'expiring')",
      "when (false)",
      "a run works on an order that waits for an operator",
      ORDERS,
    ],
    [
      "expires-while-a-payment-lives",
      "when (new.status = 'expired' and old.status <> 'expired' and new.payments > 0)",
      "when (false)",
      "an order is closed while a payment lives",
      ORDERS,
    ],
    [
      "paid-lives-not",
      "where p.ref = new.ref and p.state <> 'dead'",
      "where p.ref = new.ref and p.state = 'open'",
      "an order with money is expired",
      ORDERS,
    ],
    [
      "dead-comes-back",
      "old.state in ('paid', 'dead') and new.state is distinct from old.state",
      "old.state = 'paid' and new.state is distinct from old.state",
      "a dead payment comes back to life",
    ],
    [
      "payment-changes-its-order",
      "when (new.ref is distinct from old.ref)",
      "when (false)",
      "one payment pays two orders",
    ],
    [
      "ledger-emptied-by-hand",
      "before truncate on lapse.payments for each statement execute",
      "before truncate on lapse.settings for each statement execute",
      "every order looks unpaid because rows were deleted",
      ["database/payments"],
    ],
    [
      "payment-deleted-by-hand",
      "when (coalesce(current_setting('lapse.retaining', true), '') <> 'on')",
      "when (false)",
      "an order looks unpaid because rows were deleted",
      ["database/payments", "platform/watch/retention_test.ts"],
    ],
  ]),
  ...faultsIn("migrations/20261129001150_record_decisions.sql", ["database/settle_orders", "database/metrics_daily"], [
    [
      "run-miscounted",
      "set orders_expired = r.orders_expired + c.orders_expired,",
      "set orders_expired = c.orders_expired,",
      "a run's counters tell of its last batch only",
    ],
    [
      "days-miscounted",
      "set orders_expired = m.orders_expired + excluded.orders_expired,",
      "set orders_expired = excluded.orders_expired,",
      "a day's counters tell of its last batch only",
    ],
    [
      "totals-miscounted",
      "set orders_expired_total = m.orders_expired_total + c.orders_expired,",
      "set orders_expired_total = c.orders_expired,",
      "a job's totals tell of its last batch only",
    ],
    [
      "sessions-are-intents",
      "count(*) filter (where subject = 'payment_intent' and outcome = 'canceled') as payment_intents_canceled,",
      "count(*) filter (where outcome = 'canceled') as payment_intents_canceled,",
      "expired sessions are counted as cancelled intents",
    ],
    [
      "stock-uncounted",
      "coalesce(sum(units_released), 0)::bigint as stock_released,",
      "count(*) filter (where units_released > 0) as stock_released,",
      "orders are counted for units",
    ],
    [
      "local-days",
      "(p_now at time zone 'UTC')::date",
      "p_now::date",
      "a day begins at another hour in another session",
    ],
  ]),
];
