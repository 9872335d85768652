import assert from "node:assert/strict";
import type { ClaimedOrder, ClaimedPayment } from "../../../functions/_shared/rules/orders.ts";
import { reasonOfPaid, recordedAsPaid } from "../../../functions/_shared/rules/resolve-closed-order.ts";
import { isSamePayment, type PaymentIdentity } from "../../../functions/_shared/rules/assessment.ts";
import { order, payment } from "./builders.ts";

const money = (stripeId: string, ownIntent: string | null = null): PaymentIdentity => ({
  stripeId,
  kind: stripeId.startsWith("cs_") ? "checkout_session" : "payment_intent",
  ownIntent,
});
const recorded = (stripeId: string, intent: string | null = null): ClaimedPayment =>
  payment({ stripeId, state: "paid", intent });

/** What money on pi_1, or on this session, means for the order. */
function reason(claimed: Partial<ClaimedOrder>, found = money("pi_1")) {
  const it = order({ status: "paid", ...claimed });
  return reasonOfPaid(it, { paid: found, others: recordedAsPaid(it) });
}

Deno.test("money for an order that expired is late, whatever else was paid", () => {
  assert.equal(reason({ status: "expired", payments: [] }), "order_expired");
  assert.equal(reason({ status: "expired", payments: [recorded("pi_2")] }), "order_expired");
});

Deno.test("money for an unknown order is assessed by the shop's answer", () => {
  const unknown = (shopState: ClaimedOrder["shopState"]) => reason({ status: "unknown", shopState, payments: [] });
  assert.equal(unknown("gone"), "order_absent");
  assert.equal(unknown("closed"), "order_expired");
  assert.equal(unknown("paid"), "paid");
});

Deno.test("money for a paid order is a second payment only beside another one that is recorded", () => {
  assert.equal(reason({ payments: [] }), "paid");
  assert.equal(reason({ payments: [recorded("pi_2")] }), "paid_twice");
  assert.equal(reason({ payments: [recorded("pi_2")], amount: null }), "maybe_paid_twice");
  assert.equal(reason({ payments: [payment({ stripeId: "pi_2", state: "dead" })] }), "paid");
});

Deno.test("an intent is no second payment beside the session that made it, in either order", () => {
  assert.equal(reason({ payments: [recorded("cs_1", "pi_1")] }), "paid");
  assert.equal(reason({ payments: [recorded("cs_1", "pi_2")] }), "paid_twice");
  assert.equal(reason({ payments: [recorded("cs_1", "pi_1"), recorded("pi_2")] }), "paid");
  assert.equal(reason({ payments: [recorded("pi_1")] }, money("cs_1", "pi_1")), "paid");
  assert.equal(reason({ payments: [recorded("pi_2")] }, money("cs_1", "pi_1")), "paid_twice");
  assert.equal(reason({ payments: [recorded("cs_2", "pi_2")] }, money("cs_1", "pi_1")), "paid_twice");
});

Deno.test("if a session's intent is unknown, an intent beside it is not a second payment", () => {
  assert.equal(reason({ payments: [recorded("cs_1")] }), "paid");
  assert.equal(isSamePayment(money("cs_1"), money("pi_1")), null);
});
