// The bug by which shops closed orders and cancelled payments that were none of theirs. The number is that of the research.

import assert from "node:assert/strict";
import type { IntentSpec } from "../../../local/stripe-simulator/specs.ts";
import type { Bench } from "../support/bench.ts";
import { nextTick, tick } from "../support/scheduler.ts";
import { AMOUNT, markPaid, type PaymentSpec, placeOrder, statusOf } from "../support/shop.ts";
import { DAY, MINUTE } from "../support/time.ts";
import { onBench } from "./bug.ts";

/**
 * `cancels`: which of its payments both jobs may cancel at Stripe, by number, unattached ones after the others; none by default.
 * `then`: what happened before the jobs looked.
 */
type Kind = {
  name: string;
  payments: PaymentSpec[];
  unattached?: PaymentSpec[];
  amount?: number;
  becomes: "expired" | "paid" | "pending" | "quarantined";
  cancels?: number[];
  then?: (bench: Bench, order: { id: string; payments: string[] }) => Promise<unknown>;
};

const intent = (spec: IntentSpec = {}): PaymentSpec => ({ intent: spec });
const session = (spec: Extract<PaymentSpec, { session: unknown }>["session"] = {}): PaymentSpec => ({ session: spec });
const refund = (amount?: number) => (bench: Bench, { payments: [paid] }: { payments: string[] }) =>
  bench.byHand("/v1/refunds", { payment_intent: paid!, ...(amount ? { amount: `${amount}` } : {}) });
const amountOf = (cents: number) => ({ sql }: Bench, { id }: { id: string }) =>
  sql`update public.orders set amount = ${cents} where id = ${id}`;
/** Any amount will do, as where Checkout adds taxes and the shop's trigger has none to note. */
const anyAmount = async ({ sql, time }: Bench, { id }: { id: string }) => {
  await sql`select lapse.fold_inbox(p_refs => array[${id}], p_limit => null, p_now => ${time.now().toISOString()}::timestamptz)`;
  await sql`update lapse.orders set amount = null, currency = null where ref = ${id}`;
};

/** Every kind of order and payment that a shop's account holds. Only those with `cancels` are Lapse's to cancel. */
function kindsAt(now: number): Kind[] {
  const inFiveDays = Math.floor((now + 5 * DAY) / 1_000);
  const voucher = (nextAction: IntentSpec["nextAction"]) =>
    intent({ status: "requires_action", nextAction, expiresAt: inFiveDays });
  return [
    // The order's own, unpaid: these and no others are cancelled.
    { name: "no payment", payments: [], becomes: "expired" },
    { name: "never tried", payments: [intent()], becomes: "expired", cancels: [0] },
    {
      name: "not confirmed",
      payments: [intent({ status: "requires_confirmation" })],
      becomes: "expired",
      cancels: [0],
    },
    { name: "left in 3-D Secure", payments: [intent({ status: "requires_action" })], becomes: "expired", cancels: [0] },
    {
      name: "left at the bank's page",
      payments: [intent({ status: "requires_action", nextAction: "redirect_to_url" })],
      becomes: "expired",
      cancels: [0],
    },
    { name: "two tries", payments: [intent(), intent()], becomes: "expired", cancels: [0, 1] },
    { name: "a session nobody used", payments: [session()], becomes: "expired", cancels: [0] },
    {
      name: "a session that was declined",
      payments: [session({ intentStatus: "requires_payment_method" })],
      becomes: "expired",
      cancels: [0],
    },
    { name: "a session that expired", payments: [session({ status: "expired" })], becomes: "expired" },
    { name: "canceled already", payments: [intent({ status: "canceled" })], becomes: "expired" },
    {
      name: "canceled and tried anew",
      payments: [intent({ status: "canceled" }), intent()],
      becomes: "expired",
      cancels: [1],
    },
    // Money arrived. A later refund leaves the payment succeeded.
    { name: "paid", payments: [intent({ status: "succeeded" })], becomes: "paid" },
    { name: "refunded", payments: [intent({ status: "succeeded" })], becomes: "expired", then: refund() },
    {
      name: "refunded in part",
      payments: [intent({ status: "succeeded" })],
      becomes: "quarantined",
      then: refund(500),
    },
    {
      name: "paid, and tried before",
      payments: [intent({ status: "succeeded" }), intent()],
      becomes: "paid",
      cancels: [1],
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
      cancels: [0],
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
    {
      name: "attached, with no order in its metadata",
      payments: [intent({ metadata: {} })],
      becomes: "expired",
      cancels: [0],
    },
    // Nobody attached them; Stripe's list names them.
    { name: "never attached", payments: [], unattached: [intent()], becomes: "expired", cancels: [0] },
    { name: "a session never attached", payments: [], unattached: [session()], becomes: "expired", cancels: [0] },
    {
      name: "one attached, one not",
      payments: [intent()],
      unattached: [intent()],
      becomes: "expired",
      cancels: [0, 1],
    },
    { name: "never attached, and paid", payments: [], unattached: [intent({ status: "succeeded" })], becomes: "paid" },
    {
      name: "never attached, paid at Checkout",
      payments: [intent()],
      unattached: [session({ status: "complete" })],
      becomes: "paid",
      cancels: [0],
    },
    {
      name: "a debit never attached",
      payments: [],
      unattached: [intent({ status: "processing" })],
      becomes: "pending",
    },
    {
      name: "a status of the future, never attached",
      payments: [],
      unattached: [intent({ status: "requires_telepathy" })],
      becomes: "quarantined",
    },
    { name: "nothing to pay, and no payment", payments: [], becomes: "quarantined", then: amountOf(0) },
    {
      name: "any amount will do",
      payments: [intent({ status: "succeeded", amount: 1 })],
      becomes: "paid",
      then: anyAmount,
    },
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
      payments: [intent(), intent({ metadata: { order_id: crypto.randomUUID() } })],
      becomes: "quarantined",
    },
  ];
}

Deno.test(
  "bug 14, the wrong scope: of more than fifty kinds of orders and payments only the order's own, unpaid ones are cancelled",
  onBench(async (bench) => {
    await bench.sql`update lapse.settings set cleanup_scope = 'known'`;
    const kinds = kindsAt(bench.time.now().getTime());
    const orders = [];
    for (const { payments, unattached, ...kind } of kinds) {
      const order = await placeOrder(bench, { payments, unattached });
      await kind.then?.(bench, order);
      orders.push({ ...kind, ...order, ids: [...order.payments, ...order.unattached] });
    }
    const early = await placeOrder(bench, {
      payments: [intent()],
      // Far enough back for the lists to be read past everything that is here.
      placedMinutesAgo: 12 * DAY / MINUTE,
      expiresAt: new Date(bench.time.now().getTime() + DAY),
    });
    strangersOf(bench);
    const since = bench.stripe.mark();

    await tick(bench);
    // The customers in 3-D Secure get their grace.
    for (let ticks = 0; ticks < 2; ticks++) await nextTick(bench);
    await tick(bench, { job: "cleanup-stale-payment-intents" });

    const became = await Promise.all(orders.map(async ({ name, id }) => [name, await statusOf(bench, id)]));
    assert.deepEqual(
      Object.fromEntries(became),
      Object.fromEntries(orders.map(({ name, becomes }) => [name, becomes])),
    );
    assert.ok(orders.length >= 50);
    assert.equal(await statusOf(bench, early.id), "pending");
    const canceled = bench.stripe.calls({ since, executed: true }).filter(({ method }) => method === "POST");
    assert.deepEqual(
      canceled.map(({ objectId }) => objectId).sort(),
      orders.flatMap(({ ids, cancels = [] }) => cancels.map((n) => ids[n]!)).sort(),
    );
  }),
);

/** Payments without an order that are old enough for the clean-up, in Stripe's list beside the shop's own. */
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
