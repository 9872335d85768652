import type postgres from "postgres";
import type { StripeControl } from "../stripe-simulator/control.ts";
import type { IntentSpec } from "../stripe-simulator/specs.ts";

const DAY = 24 * 60 * 60;

/** A kind of payment on an account that has been in use for a year, and what the clean-up has to do with it. */
type PaymentKind = {
  name: string;
  payments: number;
  /** What became of its order; `none`: the payment is not the shop's. */
  order: "paid" | "expired" | "pending" | "none";
  /** Whether the shop attached it, and as what. */
  recorded?: "open" | "paid";
  spec: IntentSpec;
  becomes: Fate;
};

type Fate = "untouched" | "canceled" | "kept" | "late_payment" | "found_paid";

const KINDS: PaymentKind[] = [
  {
    name: "paid, and its order too",
    payments: 2_600,
    order: "paid",
    recorded: "paid",
    spec: { status: "succeeded" },
    becomes: "untouched",
  },
  {
    name: "not the shop's: a subscription",
    payments: 1_200,
    order: "none",
    spec: { metadata: {} },
    becomes: "untouched",
  },
  { name: "unpaid, its order expired, never recorded", payments: 60, order: "expired", spec: {}, becomes: "canceled" },
  {
    name: "left open beside the one that paid",
    payments: 30,
    order: "paid",
    recorded: "open",
    spec: {},
    becomes: "canceled",
  },
  {
    name: "unpaid, its order still open",
    payments: 40,
    order: "pending",
    recorded: "open",
    spec: {},
    becomes: "untouched",
  },
  {
    name: "processing, its order closed",
    payments: 8,
    order: "expired",
    spec: { status: "processing" },
    becomes: "kept",
  },
  {
    name: "card held, its order closed",
    payments: 8,
    order: "expired",
    spec: { status: "requires_capture", captureMethod: "manual" },
    becomes: "kept",
  },
  {
    name: "paid, but its order expired",
    payments: 6,
    order: "expired",
    spec: { status: "succeeded" },
    becomes: "late_payment",
  },
  {
    name: "paid, and the shop never heard of it",
    payments: 8,
    order: "pending",
    spec: { status: "succeeded" },
    becomes: "found_paid",
  },
];

export type Year = { kind: PaymentKind; ids: string[] }[];

/** Fills Stripe and the shop's tables with a year of payments. Answers their ids by kind. */
export async function fillYear(sql: postgres.Sql, stripe: StripeControl): Promise<Year> {
  const start = Math.floor(Date.now() / 1_000) - 364 * DAY;
  const year: Year = [];
  for (const kind of KINDS) {
    const orders = Array.from({ length: kind.payments }, () => crypto.randomUUID());
    const step = 350 * DAY / kind.payments;
    const ids = stripe.createPaymentIntents(orders.map((order, n) => ({
      amount: 2000,
      currency: "eur",
      created: Math.floor(start + n * step),
      metadata: { order_id: order },
      ...kind.spec,
    })));
    if (kind.order !== "none") await recordOrders(sql, kind, orders.map((order, n) => ({ order, payment: ids[n]! })));
    year.push({ kind, ids });
  }
  await sql`update jobs.settings set sweep_start = now() - interval '1 year', sweep_slice = '366 days'`;
  return year;
}

/** History, written down as it stands: these orders hold no stock any more, or their deadline is a year away. */
async function recordOrders(
  sql: postgres.Sql,
  { order: status, recorded }: PaymentKind,
  rows: { order: string; payment: string }[],
) {
  const history = sql.json(rows);
  await sql`
    insert into public.orders (id, status, currency, amount, expires_at, next_check_at, paid_at, expired_at)
    select r.order, ${status}, 'eur', 2000, now() + interval '1 year',
      case when ${status} = 'pending' then now() + interval '1 year' end,
      case when ${status} = 'paid' then now() end,
      case when ${status} = 'expired' then now() end
    from jsonb_to_recordset(${history}) as r ("order" uuid)`;
  if (!recorded) return;
  await sql`
    insert into public.order_payments (order_id, kind, stripe_id, state, evidence, closed_at)
    select r.order, 'payment_intent', r.payment, ${recorded},
      case when ${recorded} = 'paid' then '{"amount_received": 2000}'::jsonb end,
      case when ${recorded} = 'paid' then now() end
    from jsonb_to_recordset(${history}) as r ("order" uuid, payment text)`;
}

export type YearReport = {
  kind: string;
  payments: number;
  expected: Fate;
  became: Record<string, number>;
  asExpected: boolean;
}[];

/** What became of each kind. Stripe's own record decides whether a payment was cancelled; the decisions say the rest. */
export async function reportYear(sql: postgres.Sql, stripe: StripeControl, year: Year): Promise<YearReport> {
  const decisions = await sql<{ stripeId: string; outcome: string }[]>`
    select distinct on (stripe_id) stripe_id as "stripeId", outcome from public.job_decisions
    where stripe_id is not null order by stripe_id, id desc`;
  const outcomeOf = new Map(decisions.map(({ stripeId, outcome }) => [stripeId, outcome]));
  const canceled = new Set(stripe.paymentIntents({ status: "canceled" }).map(({ id }) => id));
  return year.map(({ kind, ids }) => {
    const became: Record<string, number> = {};
    for (const id of ids) {
      const fate = canceled.has(id) ? "canceled" : outcomeOf.get(id) ?? "untouched";
      became[fate] = (became[fate] ?? 0) + 1;
    }
    return {
      kind: kind.name,
      payments: ids.length,
      expected: kind.becomes,
      became,
      asExpected: became[kind.becomes] === ids.length,
    };
  });
}
