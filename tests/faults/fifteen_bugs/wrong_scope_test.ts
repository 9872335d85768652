// The bug by which shops ended orders and payments that were none of theirs to end. The number is that of the research.

import assert from "node:assert/strict";
import type { IntentSpec } from "../../../local/stripe-simulator/specs.ts";
import type { Bench } from "../support/bench.ts";
import { nextTick, tick } from "../support/scheduler.ts";
import { AMOUNT, markPaid, type PaymentSpec, placeOrder, statusOf } from "../support/shop.ts";
import { DAY } from "../support/time.ts";
import { onBench } from "./bug.ts";

/** `ends`: which of its payments both jobs may end at Stripe, by number; without it none. `then`: what happened before the jobs looked. */
type Kind = {
  name: string;
  payments: PaymentSpec[];
  becomes: "expired" | "paid" | "pending" | "quarantined";
  ends?: number[];
  then?: (bench: Bench, order: { id: string; payments: string[] }) => Promise<unknown>;
};

const intent = (spec: IntentSpec = {}): PaymentSpec => ({ intent: spec });
const session = (spec: Extract<PaymentSpec, { session: unknown }>["session"] = {}): PaymentSpec => ({ session: spec });
const refund = (amount?: number) => (bench: Bench, { payments: [paid] }: { payments: string[] }) =>
  bench.byHand("/v1/refunds", { payment_intent: paid!, ...(amount ? { amount: `${amount}` } : {}) });
const amountOf = (cents: number) => ({ sql }: Bench, { id }: { id: string }) =>
  sql`update public.orders set amount = ${cents} where id = ${id}`;

/** Every kind of order and payment that a shop's account holds. Only those with `ends` are the job's to end. */
function kindsAt(now: number): Kind[] {
  const inFiveDays = Math.floor((now + 5 * DAY) / 1_000);
  const voucher = (nextAction: IntentSpec["nextAction"]) =>
    intent({ status: "requires_action", nextAction, expiresAt: inFiveDays });
  return [
    // The order's own, unpaid: these and no others are ended.
    { name: "no payment", payments: [], becomes: "expired" },
    { name: "never tried", payments: [intent()], becomes: "expired", ends: [0] },
    { name: "not confirmed", payments: [intent({ status: "requires_confirmation" })], becomes: "expired", ends: [0] },
    { name: "left in 3-D Secure", payments: [intent({ status: "requires_action" })], becomes: "expired", ends: [0] },
    {
      name: "left at the bank's page",
      payments: [intent({ status: "requires_action", nextAction: "redirect_to_url" })],
      becomes: "expired",
      ends: [0],
    },
    { name: "two tries", payments: [intent(), intent()], becomes: "expired", ends: [0, 1] },
    { name: "a session nobody used", payments: [session()], becomes: "expired", ends: [0] },
    {
      name: "a session that was declined",
      payments: [session({ intentStatus: "requires_payment_method" })],
      becomes: "expired",
      ends: [0],
    },
    { name: "a session that expired", payments: [session({ status: "expired" })], becomes: "expired" },
    { name: "canceled already", payments: [intent({ status: "canceled" })], becomes: "expired" },
    {
      name: "canceled and tried anew",
      payments: [intent({ status: "canceled" }), intent()],
      becomes: "expired",
      ends: [1],
    },
    // Money came, whatever became of it later. A refund leaves the payment succeeded.
    { name: "paid", payments: [intent({ status: "succeeded" })], becomes: "paid" },
    { name: "refunded", payments: [intent({ status: "succeeded" })], becomes: "paid", then: refund() },
    { name: "refunded in part", payments: [intent({ status: "succeeded" })], becomes: "paid", then: refund(500) },
    {
      name: "paid, and tried before",
      payments: [intent({ status: "succeeded" }), intent()],
      becomes: "paid",
      ends: [1],
    },
    { name: "paid at Checkout", payments: [session({ status: "complete" })], becomes: "paid" },
    {
      name: "nothing to pay",
      payments: [session({ status: "complete", paymentStatus: "no_payment_required", amount: 0 })],
      becomes: "paid",
      then: amountOf(0),
    },
    {
      name: "paid by gift card",
      payments: [],
      becomes: "paid",
      then: (bench, { id }) => markPaid(bench, id, { stripeId: "pi_of_gift_card_1" }),
    },
    {
      name: "paid by gift card in the middle of a payment",
      payments: [intent()],
      becomes: "paid",
      ends: [0],
      then: (bench, { id }) => markPaid(bench, id, { stripeId: "pi_of_gift_card_2" }),
    },
    {
      name: "the rest of a gift card, paid",
      payments: [intent({ status: "succeeded", amount: 500 })],
      becomes: "paid",
      then: amountOf(500),
    },
    { name: "paid more", payments: [intent({ status: "succeeded", amount: AMOUNT + 500 })], becomes: "paid" },
    // Money is on its way.
    { name: "a debit", payments: [intent({ status: "processing" })], becomes: "pending" },
    {
      name: "a bank transfer of crypto",
      payments: [intent({ status: "processing", paymentMethodType: "crypto" })],
      becomes: "pending",
    },
    { name: "a hold", payments: [intent({ status: "requires_capture", captureMethod: "manual" })], becomes: "pending" },
    { name: "an OXXO voucher", payments: [voucher("oxxo")], becomes: "pending" },
    { name: "a Boleto", payments: [voucher("boleto")], becomes: "pending" },
    { name: "a Konbini code", payments: [voucher("konbini")], becomes: "pending" },
    { name: "a Pix code", payments: [voucher("pix")], becomes: "pending" },
    {
      name: "a transfer",
      payments: [intent({ status: "requires_action", nextAction: "bank_transfer" })],
      becomes: "pending",
    },
    {
      name: "microdeposits",
      payments: [intent({ status: "requires_action", nextAction: "microdeposits" })],
      becomes: "pending",
    },
    {
      name: "a session by debit",
      payments: [session({ status: "complete", paymentStatus: "unpaid" })],
      becomes: "pending",
    },
    { name: "a debit beside a try", payments: [intent({ status: "processing" }), intent()], becomes: "pending" },
    // Somebody else's, or not to be understood: a person has to look.
    {
      name: "another order's",
      payments: [intent({ metadata: { order_id: crypto.randomUUID() } })],
      becomes: "quarantined",
    },
    { name: "without our mark", payments: [intent({ metadata: {} })], becomes: "quarantined" },
    { name: "another system's", payments: [intent({ metadata: { order_id: "4711" } })], becomes: "quarantined" },
    {
      name: "another system's session",
      payments: [session({ metadata: { order_id: "4711" } })],
      becomes: "quarantined",
    },
    { name: "live mode", payments: [intent({ livemode: true })], becomes: "quarantined" },
    { name: "a live session", payments: [session({ livemode: true })], becomes: "quarantined" },
    { name: "another account's", payments: [intent({ account: "acct_other" })], becomes: "quarantined" },
    { name: "a seller's session (Connect)", payments: [session({ account: "acct_seller" })], becomes: "quarantined" },
    { name: "a subscription's session", payments: [session({ mode: "subscription" })], becomes: "quarantined" },
    { name: "a session that saves a card", payments: [session({ mode: "setup" })], becomes: "quarantined" },
    { name: "a status of the future", payments: [intent({ status: "requires_telepathy" })], becomes: "quarantined" },
    {
      name: "received in part",
      payments: [intent({ status: "requires_action", nextAction: "bank_transfer", amountReceived: 500 })],
      becomes: "quarantined",
    },
    {
      name: "paid too little",
      payments: [intent({ status: "succeeded", amountReceived: 500 })],
      becomes: "quarantined",
    },
    {
      name: "paid in another currency",
      payments: [intent({ status: "succeeded", currency: "usd" })],
      becomes: "quarantined",
    },
    {
      name: "one of ours beside one of others",
      payments: [intent(), intent({ metadata: {} })],
      becomes: "quarantined",
    },
  ];
}

Deno.test(
  "bug 14, the wrong scope: of more than forty kinds of orders and payments only the order's own, unpaid ones are ended",
  onBench(async (bench) => {
    const kinds = kindsAt(bench.time.now().getTime());
    const orders = [];
    for (const kind of kinds) {
      const order = await placeOrder(bench, { payments: kind.payments });
      await kind.then?.(bench, order);
      orders.push({ ...kind, ...order, ids: order.payments });
    }
    const early = await placeOrder(bench, { payments: [intent()], placedMinutesAgo: 20 });
    strangersOf(bench);
    const since = bench.stripe.mark();

    await tick(bench);
    await nextTick(bench);
    await tick(bench, { job: "cleanup-stale-payment-intents" });

    const became = await Promise.all(orders.map(async ({ name, id }) => [name, await statusOf(bench, id)]));
    assert.deepEqual(
      Object.fromEntries(became),
      Object.fromEntries(orders.map(({ name, becomes }) => [name, becomes])),
    );
    assert.ok(orders.length >= 40);
    assert.equal(await statusOf(bench, early.id), "pending");
    const ended = bench.stripe.calls({ since, executed: true }).filter(({ method }) => method === "POST");
    assert.deepEqual(
      ended.map(({ objectId }) => objectId).sort(),
      orders.flatMap(({ ids, ends = [] }) => ends.map((n) => ids[n]!)).sort(),
    );
  }),
);

/** Payments of nobody's order, old enough for the clean-up, which sees them in Stripe's list. */
function strangersOf({ stripe, time }: Bench): void {
  const created = Math.floor((time.now().getTime() - 10 * DAY) / 1_000);
  stripe.createPaymentIntents([
    { count: 10, created, metadata: {} },
    { count: 10, created, metadata: { order_id: "another app's" } },
    { count: 2, created, metadata: { orderId: crypto.randomUUID() } },
    { count: 2, created, metadata: {}, invoice: "in_of_a_subscription" },
    { count: 2, created, metadata: { order_id: crypto.randomUUID() }, livemode: true },
    { count: 2, created, metadata: { order_id: crypto.randomUUID() }, account: "acct_seller" },
  ]);
}
