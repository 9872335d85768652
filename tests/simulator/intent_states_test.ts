import assert from "node:assert/strict";
import { refusal, withSimulator } from "./with-simulator.ts";

for (const status of ["requires_payment_method", "requires_confirmation", "requires_action", "requires_capture"]) {
  Deno.test(`an intent in ${status} can be cancelled, and then holds and asks for nothing`, () =>
    withSimulator({}, async ({ stripe, control }) => {
      const [id] = control.createPaymentIntents([{ status }]);
      const canceled = await stripe.paymentIntents.cancel(id!, { cancellation_reason: "abandoned" });
      assert.equal(canceled.status, "canceled");
      assert.equal(canceled.cancellation_reason, "abandoned");
      assert.equal(typeof canceled.canceled_at, "number");
      assert.equal(canceled.amount_capturable, 0);
      assert.equal(canceled.next_action, null);
    }));
}

for (const status of ["succeeded", "canceled", "processing"]) {
  Deno.test(`an intent that is ${status} refuses a cancel, and the error contains it`, () =>
    withSimulator({}, async ({ stripe, control }) => {
      const [id] = control.createPaymentIntents([{ status }]);
      const error = await refusal(stripe.paymentIntents.cancel(id!));
      assert.equal(error.statusCode, 400);
      assert.equal(error.rawType, "invalid_request_error");
      assert.equal(error.code, "payment_intent_unexpected_state");
      assert.match(error.message, new RegExp(`because it has a status of ${status}\\. Only a PaymentIntent with one`));
      assert.equal(error.payment_intent?.status, status);
      assert.equal(control.paymentIntent({ id: id! }).status, status);
    }));
}

Deno.test("a refusal leaves the intent out of its body if configured to", () =>
  withSimulator({ behaviour: { refusalCarriesIntent: false } }, async ({ stripe, control }) => {
    const [id] = control.createPaymentIntents([{ status: "succeeded" }]);
    const error = await refusal(stripe.paymentIntents.cancel(id!));
    assert.equal(error.payment_intent, undefined);
  }));

Deno.test("crypto in processing is refused with the code that the SDK does not list", () =>
  withSimulator({}, async ({ stripe, control }) => {
    const [id] = control.createPaymentIntents([{ status: "processing", paymentMethodType: "crypto" }]);
    const error = await refusal(stripe.paymentIntents.cancel(id!));
    assert.equal(error.code, "payment_intent_invalid_cancellation_state");
  }));

Deno.test("processing is cancelled in the rare variant", () =>
  withSimulator({ behaviour: { processingCancel: "accept" } }, async ({ stripe, control }) => {
    const [id] = control.createPaymentIntents([{ status: "processing" }]);
    assert.equal((await stripe.paymentIntents.cancel(id!)).status, "canceled");
  }));

Deno.test("confirming with Stripe's test methods pays, declines, asks or submits", () =>
  withSimulator({}, async ({ stripe }) => {
    const create = () => stripe.paymentIntents.create({ amount: 500, currency: "eur" });
    const confirm = async (method: string) =>
      stripe.paymentIntents.confirm((await create()).id, { payment_method: method });
    assert.equal((await confirm("pm_card_visa")).status, "succeeded");
    assert.equal((await confirm("pm_card_authenticationRequired")).next_action?.type, "use_stripe_sdk");
    assert.equal((await confirm("pm_usBankAccount_success")).status, "processing");
    const declined = await refusal(confirm("pm_card_chargeDeclined"));
    assert.equal(declined.statusCode, 402);
    assert.equal(declined.code, "card_declined");
    assert.equal(declined.payment_intent?.status, "requires_payment_method");
    const unknown = await refusal(confirm("pm_invented"));
    assert.equal(unknown.code, "resource_missing");
  }));

Deno.test("a canceled intent cannot be confirmed, and a paid one not twice", () =>
  withSimulator({}, async ({ stripe, control }) => {
    const [dead, paid] = control.createPaymentIntents([{ status: "canceled" }, { status: "succeeded" }]);
    for (const id of [dead!, paid!]) {
      const error = await refusal(stripe.paymentIntents.confirm(id, { payment_method: "pm_card_visa" }));
      assert.equal(error.code, "payment_intent_unexpected_state");
    }
  }));

Deno.test("manual capture holds the money, captures part of it and releases the rest", () =>
  withSimulator({}, async ({ stripe, control }) => {
    const intent = await stripe.paymentIntents.create({
      amount: 1000,
      currency: "eur",
      capture_method: "manual",
      confirm: true,
      payment_method: "pm_card_visa",
      metadata: { order_id: "o1" },
    });
    assert.equal(intent.status, "requires_capture");
    assert.equal(intent.amount_capturable, 1000);
    assert.equal(control.orderMoney({ orderId: "o1" }).authorisedAmount, 1000);
    const captured = await stripe.paymentIntents.capture(intent.id, { amount_to_capture: 300 });
    assert.equal(captured.status, "succeeded");
    assert.equal(captured.amount_received, 300);
    assert.deepEqual(control.orderMoney({ orderId: "o1" }), {
      orderId: "o1",
      charged: true,
      chargedAmount: 300,
      refundedAmount: 0,
      authorisedAmount: 0,
      intents: [intent.id],
    });
  }));

Deno.test("an authorisation lapses after seven days, a voucher at its date", () =>
  withSimulator({ now: new Date("2026-11-01T00:00:00Z") }, async ({ stripe, control }) => {
    const expiresAt = Date.parse("2026-11-03T00:00:00Z") / 1000;
    const [held, voucher] = control.createPaymentIntents([
      { status: "requires_capture" },
      { status: "requires_action", nextAction: "boleto", expiresAt },
    ]);
    const before = await stripe.paymentIntents.retrieve(voucher!);
    assert.equal(before.next_action?.boleto_display_details?.expires_at, expiresAt);
    control.advanceClock({ ms: 3 * 86_400_000 });
    assert.equal((await stripe.paymentIntents.retrieve(voucher!)).status, "requires_payment_method");
    assert.equal((await stripe.paymentIntents.retrieve(held!)).status, "requires_capture");
    control.advanceClock({ ms: 5 * 86_400_000 });
    const lapsed = await stripe.paymentIntents.retrieve(held!);
    assert.deepEqual([lapsed.status, lapsed.cancellation_reason], ["canceled", "automatic"]);
  }));

Deno.test("a refund is taken off the order's money and never exceeds it", () =>
  withSimulator({}, async ({ stripe, control }) => {
    const [id] = control.createPaymentIntents([{ status: "succeeded", amount: 900, metadata: { order_id: "o1" } }]);
    await stripe.refunds.create({ payment_intent: id!, amount: 400 });
    assert.equal(control.orderMoney({ orderId: "o1" }).charged, true);
    await stripe.refunds.create({ payment_intent: id! });
    assert.equal(control.orderMoney({ orderId: "o1" }).charged, false);
    assert.equal((await refusal(stripe.refunds.create({ payment_intent: id! }))).code, "charge_already_refunded");
  }));

Deno.test("updating merges metadata and meets the hourly quota of one intent", () =>
  withSimulator({}, async ({ stripe, control }) => {
    const [id] = control.createPaymentIntents([{ metadata: { order_id: "o1", note: "x" } }]);
    const updated = await stripe.paymentIntents.update(id!, { metadata: { note: "", more: "y" } });
    assert.deepEqual(updated.metadata, { order_id: "o1", more: "y" });
    for (let i = 1; i < 1000; i++) await stripe.paymentIntents.update(id!, { description: String(i) });
    const error = await refusal(stripe.paymentIntents.update(id!, { description: "one too many" }));
    assert.equal(error.statusCode, 429);
    assert.equal(error.headers?.["stripe-rate-limited-reason"], "resource-specific");
  }));
