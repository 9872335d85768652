import type { CustomerAction } from "../../../local/stripe-simulator/customer-action.ts";
import type { IntentSpec, SessionSpec } from "../../../local/stripe-simulator/specs.ts";
import type { Bench } from "./bench.ts";
import { DAY, MINUTE } from "./time.ts";

export const AMOUNT = 2000;

/** One payment as Stripe holds it at the start. */
export type PaymentSpec = { intent: IntentSpec } | { session: SessionSpec };

/**
 * Minutes from now; before the deadline of 30 minutes and its grace, the job does not look. `expiresAt`: another deadline. `unattached`:
 * payments at Stripe that the checkout told nobody of.
 */
export type OrderSpec = {
  payments: PaymentSpec[];
  unattached?: PaymentSpec[];
  placedMinutesAgo?: number;
  expiresAt?: Date;
  amount?: number;
  sku?: string;
  method?: string;
};

export type Placed = { id: string; payments: string[]; unattached: string[] };

/** Places orders as the shop's checkout does: order, payments at Stripe, payments attached. Two units each. */
export async function placeOrder(
  bench: Bench,
  { payments, unattached = [], placedMinutesAgo = 60, expiresAt, amount = AMOUNT, sku = "tea", method = "card" }:
    OrderSpec,
): Promise<Placed> {
  const { sql, time } = bench;
  const placedAt = new Date(time.now().getTime() - placedMinutesAgo * MINUTE);
  const at = placedAt.toISOString();
  const items = [{ sku, quantity: sku === "last" ? 1 : 2 }, ...(sku === "tea" ? [{ sku: "mug", quantity: 1 }] : [])];
  const [row] = await sql<{ id: string }[]>`
    select id from public.place_order(p_currency => 'eur', p_amount => ${amount}, p_items => ${sql.json(items)},
      p_payment_method => ${method}, p_expires_at => ${
    expiresAt?.toISOString() ?? null
  }::timestamptz, p_now => ${at}::timestamptz)`;
  const id = row!.id;
  const ids: string[] = [];
  for (const spec of payments) {
    const stripeId = createAtStripe(bench, id, spec, placedAt);
    await attach(bench, id, { stripeId, at });
    ids.push(stripeId);
  }
  return { id, payments: ids, unattached: unattached.map((spec) => createAtStripe(bench, id, spec, placedAt)) };
}

export function createAtStripe(
  { stripe, time }: Bench,
  orderId: string,
  spec: PaymentSpec,
  createdAt: Date = time.now(),
): string {
  const common = {
    amount: AMOUNT,
    currency: "eur",
    metadata: { order_id: orderId },
    created: Math.floor(createdAt.getTime() / 1_000),
  };
  return "intent" in spec
    ? stripe.createPaymentIntents([{ ...common, ...spec.intent }])[0]!
    : stripe.createCheckoutSessions([{ ...common, ...spec.session }])[0]!.id;
}

/** Raises what attach_payment raises: PT409 when the order takes no payment any more. */
export async function attach(
  { sql, time }: Bench,
  orderId: string,
  { stripeId, at = time.now().toISOString() }: { stripeId: string; at?: string },
): Promise<void> {
  await sql`select lapse.attach_payment(p_ref => ${orderId}, p_stripe_id => ${stripeId}, p_now => ${at}::timestamptz)`;
}

/** What the webhook does with `payment_intent.succeeded`. */
export async function markPaid(
  { sql, time }: Bench,
  orderId: string,
  { stripeId }: { stripeId: string },
): Promise<string> {
  const [row] = await sql<{ answer: string }[]>`
    select lapse.mark_paid(p_ref => ${orderId}, p_stripe_id => ${stripeId},
      p_now => ${time.now().toISOString()}::timestamptz) as answer`;
  return row!.answer;
}

/** As the ledger knows it; what no run has read yet is pending. */
export async function statusOf({ sql }: Bench, orderId: string): Promise<string> {
  const [row] = await sql<{ status: string }[]>`
    select coalesce(l.status, o.status) as status
    from public.orders o left join lapse.orders l on l.ref = o.id::text where o.id = ${orderId}`;
  return row!.status;
}

export async function act({ stripe }: Bench, action: CustomerAction): Promise<boolean> {
  return (await stripe.customer(action)).accepted;
}

/** Kinds of orders, and the final state of each without further actions. */
export type Kind = OrderSpec & { name: string; becomes: "expired" | "paid" | "pending" | "quarantined" };

/** Kinds that are waited for in other ways; a customer gets into most of them by acts, too. */
export function slowKinds(): Kind[] {
  const asked = (nextAction: "bank_transfer" | "microdeposits"): PaymentSpec => ({
    intent: { status: "requires_action", nextAction },
  });
  return [
    { name: "bank transfer", payments: [asked("bank_transfer")], becomes: "pending" },
    { name: "bank account to be verified", payments: [asked("microdeposits")], becomes: "pending" },
  ];
}

const seconds = (ms: number) => Math.floor(ms / 1_000);

/** Every way in which the protocol can go, once each. `now` in milliseconds since the epoch. */
export function everyKind(now: number): Kind[] {
  return [
    { name: "no payment", payments: [], becomes: "expired" },
    { name: "never paid", payments: [{ intent: {} }], becomes: "expired" },
    {
      name: "two intents, neither paid",
      payments: [{ intent: {} }, { intent: { status: "requires_confirmation" } }],
      becomes: "expired",
    },
    { name: "canceled at Stripe already", payments: [{ intent: { status: "canceled" } }], becomes: "expired" },
    {
      name: "in 3-D Secure",
      payments: [{ intent: { status: "requires_action", nextAction: "use_stripe_sdk" } }],
      becomes: "expired",
    },
    { name: "session still open", payments: [{ session: { status: "open" } }], becomes: "expired" },
    {
      name: "session whose attempt was declined",
      payments: [{ session: { status: "open", intentStatus: "requires_payment_method" } }],
      becomes: "expired",
    },
    {
      name: "session paid, webhook lost",
      payments: [{ session: { status: "complete", paymentStatus: "paid" } }],
      becomes: "paid",
    },
    { name: "intent paid, webhook lost", payments: [{ intent: { status: "succeeded" } }], becomes: "paid" },
    { name: "one paid, one open", payments: [{ intent: { status: "succeeded" } }, { intent: {} }], becomes: "paid" },
    { name: "bank debit processing", payments: [{ intent: { status: "processing" } }], becomes: "pending" },
    {
      name: "one processing, one open",
      payments: [{ intent: { status: "processing" } }, { intent: {} }],
      becomes: "pending",
    },
    {
      name: "held, not captured",
      payments: [{ intent: { status: "requires_capture", captureMethod: "manual" } }],
      becomes: "pending",
    },
    {
      name: "voucher",
      payments: [{ intent: { status: "requires_action", nextAction: "oxxo", expiresAt: seconds(now + 2 * DAY) } }],
      becomes: "pending",
    },
    {
      name: "somebody else's payment",
      payments: [{ intent: { metadata: { order_id: "another shop's" } } }],
      becomes: "quarantined",
    },
  ];
}
