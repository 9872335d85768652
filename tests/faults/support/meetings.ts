import assert from "node:assert/strict";
import { brokenPromises } from "../../oracle/oracle.ts";
import { named } from "../../oracle/promises.ts";
import { assertQuiet, brokenWhenQuiet } from "../../oracle/quiet.ts";
import { PAYS } from "./acts.ts";
import { type Bench, type JobName, ON_HAND } from "./bench.ts";
import { finalStatus, type OrderModel, type PaymentModel } from "./model.ts";
import { nextTick, tick, tickUntilQuiet, watch } from "./scheduler.ts";
import { createAtStripe, markPaid, type PaymentSpec, placeOrder, statusOf } from "./shop.ts";
import { DAY, MINUTE } from "./time.ts";
import { endedInTheGap } from "./under-way.ts";

/** An order that meets a customer in the middle of a run. `bounded`: the bounded version plays it, too. */
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

/** What makes a difference to a run that only ends what is open: money, money that Stripe lets go, money that it does not. */
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
    open: (bench) => openPaid(bench, { intent: { created: old(bench) } }),
    comeToRest: restClosed,
  },
  {
    name: "a paid order and an open session",
    job: "cleanup-stale-payment-intents",
    bounded: false,
    kinds: ["session"],
    open: (bench) => openPaid(bench, { session: { created: old(bench), status: "open" } }),
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
      const stripeId = createAtStripe(bench, id, { intent: { created: old(bench) } });
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
      await assertQuiet({ ...bench, onHand: ON_HAND });
      forgetEndedInTheGap(bench, order);
      const wanted = finalStatus(order);
      if (wanted !== "pending") await tickUntilQuiet(bench, { withinMs: 2 * DAY, most: 12 });
      const status = await statusOf(bench, order.id);
      const payments = JSON.stringify(order.payments);
      assert.equal(status, wanted, named([`6: the order has to become ${wanted} and is ${status}: ${payments}`]));
      await assertQuiet({ ...bench, onHand: ON_HAND });
    },
  };
}

/** An order that one payment has paid, beside another one that stands first, for the customer to act on. */
async function openPaid(bench: Bench, other: PaymentSpec): Promise<OrderModel> {
  const { id, payments } = await placeOrder(bench, { payments: [other, { intent: {} }] });
  await bench.stripe.customer({ id: payments[1]!, verb: "confirm_ok" });
  await markPaid(bench, id, { stripeId: payments[1]! });
  return {
    id,
    payments: payments.map((stripeId, n) => ({ stripeId, attached: true, fate: n === 0 ? "open" : "paid" })),
  };
}

/** Fails with every broken promise but the one that the shop itself broke, and whose money somebody is told of (`assertTold`). */
export async function assertPromisesKept(bench: Bench, order: OrderModel): Promise<void> {
  assertOurs(await brokenPromises(bench), order);
}

/** An expired order is paid because the shop gave out the secret of a payment that it never recorded. */
function assertOurs(broken: string[], { id, payments }: OrderModel): void {
  const isTheShops = payments.some(({ attached, fate }) => !attached && fate === "paid");
  const sentence = `1: order ${id} is expired and paid at Stripe`;
  const ours = broken.filter((it) => !(isTheShops && it === sentence));
  assert.deepEqual(ours, [], named(ours));
}

/** The order stays as it was; of the payment, either nothing can come any more, or somebody is told of its money. */
async function restClosed(bench: Bench, order: OrderModel): Promise<void> {
  const { time } = bench;
  const job = "cleanup-stale-payment-intents";
  const closed = order.payments.length > 1 ? "paid" : "expired";
  await nextTick(bench, { job });
  assertOurs(await brokenWhenQuiet({ ...bench, onHand: ON_HAND }), order);
  for (let week = 0; week < 2; week++) {
    time.advance(8 * DAY + 5 * MINUTE);
    await watch(bench);
    await tick(bench, { job });
  }
  assertOurs(await brokenWhenQuiet({ ...bench, onHand: ON_HAND }), order);
  forgetEndedInTheGap(bench, order);
  assert.equal(await statusOf(bench, order.id), closed, "a closed order stays closed");
  const payment = order.payments[0]!;
  const stands = standingOf(bench, payment);
  if (payment.fate === "paid") await assertTold(bench, order, closed);
  // A hold that nobody captures lapses, which is not the clean-up's doing.
  else if (payment.fate === "under_way") assert.notEqual(stands, "abandoned", named(["1: money under way was ended"]));
  else assert.equal(stands, "abandoned", "an open payment of a closed order was not ended");
}

/** `abandoned`: ended by a run. */
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
  const [alert] = await sql`select from public.job_alerts where key = ${`${what}:${id}`} and resolved_at is null`;
  assert.ok(alert, `money came for a closed order and there is no alert ${what}`);
  const { stripeId } = payments[0]!;
  const [row] = await sql<{ decisions: number; reported: boolean }[]>`
    select
      (select count(*) from public.job_decisions d
        where d.stripe_id = ${stripeId} and ${what} in (d.outcome, d.reason))::int as decisions,
      exists (select from public.order_payments p where p.stripe_id = ${stripeId} and p.reason = 'reported_by_shop') as reported`;
  const { decisions, reported } = row!;
  // What the webhook told of an order paid twice, no run has to find.
  const least = closed === "paid" && reported ? 0 : 1;
  assert.ok(decisions >= least && decisions <= 1, named([`4: ${decisions} decisions tell of one ${what}`]));
}

/** The card was authorised, or a challenge begun, between the look and the cancel: nothing was charged, and nothing will come. */
function forgetEndedInTheGap({ stripe }: Bench, { payments }: OrderModel): void {
  for (const payment of payments) {
    if (payment.fate === "under_way" && endedInTheGap(stripe, payment.stripeId)) payment.fate = "gone";
  }
}

/** In seconds since the epoch: older than what the clean-up leaves alone. */
function old({ time }: Bench): number {
  return Math.floor((time.now().getTime() - 10 * DAY) / 1_000);
}
