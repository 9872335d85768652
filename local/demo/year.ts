import type postgres from "postgres";
import type { StripeControl } from "../stripe-simulator/control.ts";
import type { IntentSpec } from "../stripe-simulator/specs.ts";

const DAY = 24 * 60 * 60;

/** A kind of payment from a year without clean-up, and what the clean-up must do with it. */
type PaymentKind = {
  name: string;
  payments: number;
  /**
   * The order that its metadata names, by its status in the shop; `deleted`, or `none` for a payment that is not the
   * shop's.
   */
  order: "paid" | "expired" | "pending" | "deleted" | "none";
  spec: IntentSpec;
  becomes: Fate;
};

type Fate = "untouched" | "canceled" | "kept" | "late_payment";

const KINDS: PaymentKind[] = [
  {
    name: "paid, and its order too",
    payments: 2_400,
    order: "paid",
    spec: { status: "succeeded" },
    becomes: "untouched",
  },
  { name: "not the shop's: a subscription", payments: 1_200, order: "none", spec: {}, becomes: "untouched" },
  { name: "unpaid, its order still open", payments: 40, order: "pending", spec: {}, becomes: "untouched" },
  { name: "unpaid, its order expired", payments: 24, order: "expired", spec: {}, becomes: "canceled" },
  { name: "left open beside the one that paid", payments: 12, order: "paid", spec: {}, becomes: "canceled" },
  { name: "unpaid, its order deleted", payments: 8, order: "deleted", spec: {}, becomes: "canceled" },
  {
    name: "processing, its order closed",
    payments: 4,
    order: "expired",
    spec: { status: "processing" },
    becomes: "kept",
  },
  {
    name: "card held, its order closed",
    payments: 4,
    order: "expired",
    spec: { status: "requires_capture", captureMethod: "manual" },
    becomes: "kept",
  },
  {
    name: "paid, but its order expired",
    payments: 4,
    order: "expired",
    spec: { status: "succeeded" },
    becomes: "late_payment",
  },
];

export type Year = { kind: PaymentKind; ids: string[] }[];

/**
 * Fills Stripe and the shop's tables with a year of payments from before Lapse was installed. Returns their ids by
 * kind.
 */
export async function fillYear(sql: postgres.Sql, stripe: StripeControl): Promise<Year> {
  const start = Math.floor(Date.now() / 1_000) - 364 * DAY;
  const year: Year = [];
  for (const kind of KINDS) {
    const refs = Array.from({ length: kind.payments }, () => crypto.randomUUID());
    const placed = refs.map((_, n) => Math.floor(start + n * 350 * DAY / kind.payments));
    const ids = stripe.createPaymentIntents(refs.map((ref, n) => ({
      amount: 2000,
      currency: "eur",
      livemode: true,
      created: placed[n]!,
      metadata: kind.order === "none" ? {} : { order_id: ref },
      ...kind.spec,
    })));
    if (kind.order !== "none" && kind.order !== "deleted") {
      await writeHistory(sql, kind.order, refs.map((id, n) => ({ id, placed: placed[n]! })));
    }
    year.push({ kind, ids });
  }
  await readYear(sql);
  return year;
}

/** Orders from before Lapse was installed: no trigger of Lapse saw them, and they hold no stock any more. */
async function writeHistory(sql: postgres.Sql, status: string, rows: { id: string; placed: number }[]): Promise<void> {
  await sql.begin(async (transaction) => {
    await transaction`set local session_replication_role = replica`;
    await transaction`
      insert into public.orders (id, status, currency, amount, created_at, expires_at, paid_at, expired_at)
      select r.id, ${status}, 'eur', 2000, to_timestamp(r.placed),
        case when ${status} = 'pending' then now() + interval '1 year' else to_timestamp(r.placed) + interval '30 minutes' end,
        case when ${status} = 'paid' then to_timestamp(r.placed) end,
        case when ${status} = 'expired' then to_timestamp(r.placed) + interval '33 minutes' end
      from jsonb_to_recordset(${sql.json(rows)}) as r (id uuid, placed bigint)`;
  });
}

/** Moves the list cursors back, as if Lapse had been installed today. The settings here say to read a whole year. */
async function readYear(sql: postgres.Sql): Promise<void> {
  await sql`update lapse.settings set list_reach = interval '366 days' where only_row`;
  await sql`
    update lapse.list_cursors
    set read_from = now() - interval '366 days', read_to = now() - interval '366 days'
    where account = ''`;
}

export type YearReport = {
  kind: string;
  payments: number;
  expected: Fate;
  became: Record<string, number>;
  asExpected: boolean;
}[];

/** The result by kind. Stripe's own record tells whether a payment was cancelled; the decisions tell the rest. */
export async function reportYear(sql: postgres.Sql, stripe: StripeControl, year: Year): Promise<YearReport> {
  const decisions = await sql<{ stripeId: string; outcome: string }[]>`
    select distinct on (stripe_id) stripe_id as "stripeId", outcome from lapse.decisions
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

/** The payments that the clean-up must decide about: all but the healthy ones. */
export function toDecide(): number {
  return KINDS.reduce((sum, { payments, becomes }) => sum + (becomes === "untouched" ? 0 : payments), 0);
}
