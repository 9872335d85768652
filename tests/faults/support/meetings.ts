import assert from "node:assert/strict";
import { named } from "../../oracle/promises.ts";
import { assertAtRest } from "../../oracle/at-rest.ts";
import { PAYS } from "./acts.ts";
import { type Bench, type JobName, ON_HAND } from "./bench.ts";
import { finalStatuses, type OrderModel, type PaymentModel } from "./model.ts";
import { nextTick, tick, tickUntilQuiet, watch } from "./scheduler.ts";
import { createAtStripe, markPaid, type PaymentSpec, placeOrder, statusOf } from "./shop.ts";
import { DAY, HOUR, MINUTE } from "./time.ts";
import { canceledInTheGap } from "./under-way.ts";

/** An order whose customer acts in the middle of a run. `bounded`: the bounded version also plays it. */
export type Meeting = {
  name: string;
  job: JobName;
  bounded: boolean;
  /** The kinds of payments that the customer can act on. */
  kinds: ("intent" | "session")[];
  open(bench: Bench): Promise<OrderModel>;
  /** The acts of the bounded version; left out, all that fit. */
  acts?: string[];
  /** Lets time pass, and holds the end against what has to be. */
  comeToRest(bench: Bench, order: OrderModel): Promise<void>;
};

const session = (intentStatus?: "requires_payment_method"): PaymentSpec => ({
  session: { status: "open", intentStatus },
});

/** What makes a difference to a run that only cancels what is open: money, money that Stripe lets go, money that it does not. */
const FEW = [
  PAYS,
  "the customer pays, the webhook arrives at once",
  "the card is authorised, for the shop to capture",
  "a bank debit is submitted",
];

export const MEETINGS: Meeting[] = [
  due("no payment", { payments: [], bounded: true }),
  due("one intent", { payments: [{ intent: {} }], bounded: true }),
  due("two intents", { payments: [{ intent: {} }, { intent: {} }] }),
  due("a session", { payments: [session()], bounded: true }),
  due("a session with a declined attempt", { payments: [session("requires_payment_method")] }),
  due("an intent and a session", { payments: [{ intent: {} }, session()] }),
  {
    name: "a paid order and a second intent",
    job: "cleanup-stale-payment-intents",
    bounded: true,
    acts: FEW,
    kinds: ["intent"],
    open: (bench) => openPaid(bench, { intent: {} }),
    comeToRest: restClosed,
  },
  {
    name: "a paid order and an open session",
    job: "cleanup-stale-payment-intents",
    bounded: false,
    kinds: ["session"],
    open: (bench) => openPaid(bench, session()),
    comeToRest: restClosed,
  },
  {
    name: "an expired order and an intent that the shop never recorded",
    job: "cleanup-stale-payment-intents",
    bounded: true,
    acts: FEW,
    kinds: ["intent"],
    async open(bench) {
      const { id } = await placeOrder(bench, { payments: [] });
      await tick(bench);
      const stripeId = createAtStripe(bench, id, { intent: {} });
      bench.time.advance(2 * HOUR);
      return { id, payments: [{ stripeId, attached: false, fate: "open" }] };
    },
    comeToRest: restClosed,
  },
];

/** An unpaid order past its deadline. */
function due(name: string, { payments, bounded = false }: { payments: PaymentSpec[]; bounded?: boolean }): Meeting {
  return {
    name,
    job: "expire-stale-orders",
    bounded,
    kinds: payments.map((spec) => "intent" in spec ? "intent" : "session"),
    async open(bench) {
      const { id, payments: ids } = await placeOrder(bench, { payments });
      return { id, payments: ids.map((stripeId) => ({ stripeId, attached: true, fate: "open" })) };
    },
    async comeToRest(bench, order) {
      await nextTick(bench);
      await assertAtRest({ ...bench, onHand: ON_HAND });
      forgetCanceledInTheGap(bench, order);
      const [wanted] = finalStatuses(order);
      if (wanted !== "pending") await tickUntilQuiet(bench, { withinMs: 2 * DAY, most: 12 });
      const status = await statusOf(bench, order.id);
      const payments = JSON.stringify(order.payments);
      assert.equal(status, wanted, named([`6: the order has to become ${wanted} and is ${status}: ${payments}`]));
      await assertAtRest({ ...bench, onHand: ON_HAND });
    },
  };
}

/** An order paid by one payment. Another, earlier payment is left for the customer to act on. */
async function openPaid(bench: Bench, other: PaymentSpec): Promise<OrderModel> {
  const { id, payments } = await placeOrder(bench, { payments: [other, { intent: {} }] });
  await bench.stripe.customer({ id: payments[1]!, verb: "confirm_ok" });
  await markPaid(bench, id, { stripeId: payments[1]! });
  return {
    id,
    payments: payments.map((stripeId, n) => ({ stripeId, attached: true, fate: n === 0 ? "open" : "paid" })),
  };
}

/** The order stays as it was; the payment can either bring no more money, or its money is reported. */
async function restClosed(bench: Bench, order: OrderModel): Promise<void> {
  const { time } = bench;
  const job = "cleanup-stale-payment-intents";
  const closed = order.payments.length > 1 ? "paid" : "expired";
  await nextTick(bench, { job });
  await assertAtRest({ ...bench, onHand: ON_HAND });
  for (let week = 0; week < 2; week++) {
    time.advance(8 * DAY + 5 * MINUTE);
    await watch(bench);
    await tick(bench, { job });
  }
  await assertAtRest({ ...bench, onHand: ON_HAND });
  forgetCanceledInTheGap(bench, order);
  assert.equal(await statusOf(bench, order.id), closed, "a closed order stays closed");
  const payment = order.payments[0]!;
  const stands = standingOf(bench, payment);
  if (payment.fate === "paid") await assertTold(bench, order, closed);
  // An uncaptured hold lapses without the clean-up.
  else if (payment.fate === "under_way") {
    assert.notEqual(stands, "abandoned", named(["1: money under way was cancelled"]));
  } else assert.equal(stands, "abandoned", "an open payment of a closed order was not cancelled");
}

/** `abandoned`: cancelled by a run. */
function standingOf({ stripe }: Bench, { stripeId }: PaymentModel): string {
  if (stripeId.startsWith("cs_")) {
    const { status } = stripe.checkoutSession({ id: stripeId });
    return status === "expired" ? "abandoned" : status!;
  }
  const { status, cancellation_reason } = stripe.paymentIntent({ id: stripeId });
  return cancellation_reason ?? status;
}

async function assertTold({ sql }: Bench, { id, payments }: OrderModel, closed: "paid" | "expired"): Promise<void> {
  const what = closed === "paid" ? "paid_twice" : "late_payment";
  const [alert] = await sql`select from lapse.alerts where key = ${`${what}:${id}`} and resolved_at is null`;
  assert.ok(alert, `money came for a closed order and there is no alert ${what}`);
  const { stripeId } = payments[0]!;
  const [row] = await sql<{ decisions: number; reported: boolean; together: boolean }[]>`
    select
      (select count(*) from lapse.decisions d
        where d.stripe_id = ${stripeId} and ${what} in (d.outcome, d.reason))::int as decisions,
      exists (select from lapse.payments p where p.stripe_id = ${stripeId} and p.reason = 'reported_by_shop') as reported,
      exists (
        select from lapse.payments p join lapse.payments o on o.ref = p.ref and o.stripe_id <> p.stripe_id and o.closed_at = p.closed_at
        where p.stripe_id = ${stripeId} and p.state = 'paid' and o.state = 'paid'
      ) as together`;
  const { decisions, reported, together } = row!;
  // Runs need not find what the webhook reported. If one run finds both payments paid, neither is the second one.
  const least = reported || together ? 0 : 1;
  assert.ok(decisions >= least && decisions <= 1, named([`4: ${decisions} decisions tell of one ${what}`]));
}

/** The card was authorised, or a challenge begun, between the look and the cancel: nothing was charged, and nothing will come. */
function forgetCanceledInTheGap({ stripe }: Bench, { payments }: OrderModel): void {
  for (const payment of payments) {
    if (payment.fate === "under_way" && canceledInTheGap(stripe, payment.stripeId)) payment.fate = "gone";
  }
}
