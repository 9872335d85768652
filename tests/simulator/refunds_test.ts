import assert from "node:assert/strict";
import type Stripe from "stripe";
import { type Bench, refusal, withSimulator } from "./with-simulator.ts";

/** A paid intent of 500 cents; its events so far are left out of `types`. */
async function withPaidIntent(
  test: (bench: Bench, id: string, types: () => string[]) => Promise<void>,
): Promise<void> {
  await withSimulator({}, async (bench) => {
    const [id] = bench.control.createPaymentIntents([{ amount: 500, status: "succeeded" }]);
    await test(bench, id!, () => bench.control.events().map(({ type }) => type));
  });
}

async function chargeOf(stripe: Stripe, id: string): Promise<Stripe.Charge> {
  const { latest_charge } = await stripe.paymentIntents.retrieve(id, { expand: ["latest_charge"] });
  return latest_charge as Stripe.Charge;
}

Deno.test("a refund shows on the charge, through the intent and through its session", () =>
  withPaidIntent(async ({ stripe, control }, id, types) => {
    assert.equal(typeof (await stripe.paymentIntents.retrieve(id)).latest_charge, "string");
    await stripe.refunds.create({ payment_intent: id, amount: 200, metadata: { lapse_refund: "1" } });
    const charge = await chargeOf(stripe, id);
    assert.deepEqual([charge.amount_refunded, charge.refunded, charge.payment_intent], [200, false, id]);
    await stripe.refunds.create({ payment_intent: id });
    assert.deepEqual([(await chargeOf(stripe, id)).amount_refunded, (await chargeOf(stripe, id)).refunded], [
      500,
      true,
    ]);
    assert.equal((await stripe.paymentIntents.retrieve(id)).amount_received, 500, "what was received stays");
    assert.equal((await stripe.charges.retrieve(charge.id)).amount_refunded, 500);
    const listed = await stripe.refunds.list({ payment_intent: id });
    assert.deepEqual(listed.data.map(({ amount, metadata }) => [amount, metadata?.lapse_refund]), [[300, undefined], [
      200,
      "1",
    ]]);
    assert.equal((await stripe.refunds.retrieve(listed.data[0]!.id)).amount, 300);
    assert.deepEqual(types(), ["refund.created", "charge.refunded", "refund.created", "charge.refunded"]);

    const [session] = control.createCheckoutSessions([{ status: "complete", amount: 700 }]);
    const shown = await stripe.checkout.sessions.retrieve(session!.id, { expand: ["payment_intent.latest_charge"] });
    const intent = shown.payment_intent as Stripe.PaymentIntent;
    assert.equal((intent.latest_charge as Stripe.Charge).amount_captured, 700);
  }));

Deno.test("no more can be refunded than is left, and a failed refund leaves it all", () =>
  withPaidIntent(async ({ stripe, control }, id, types) => {
    control.setBehaviour({ refundStatus: "pending" });
    const { status } = await stripe.refunds.create({ payment_intent: id });
    assert.equal(status, "pending");
    const again = await refusal(stripe.refunds.create({ payment_intent: id }));
    assert.deepEqual([again.statusCode, again.code], [400, "charge_already_refunded"]);
    assert.equal((await control.customer({ id, verb: "fail_refund" })).accepted, true);
    assert.equal((await chargeOf(stripe, id)).amount_refunded, 0);
    assert.deepEqual([types().at(-1), control.refunds()[0]?.status], ["refund.failed", "failed"]);
    const tooMuch = await refusal(stripe.refunds.create({ payment_intent: id, amount: 501 }));
    assert.deepEqual([tooMuch.statusCode, tooMuch.param], [400, "amount"]);
  }));

Deno.test("a dispute marks the charge permanently, whatever its outcome", () =>
  withPaidIntent(async ({ stripe, control }, id, types) => {
    assert.equal((await chargeOf(stripe, id)).disputed, false);
    await control.customer({ id, verb: "dispute" });
    assert.equal((await control.customer({ id, verb: "dispute" })).accepted, false, "a charge is disputed once");
    await control.customer({ id, verb: "win_dispute" });
    assert.equal((await chargeOf(stripe, id)).disputed, true);
    assert.deepEqual(types(), ["charge.dispute.created", "charge.dispute.closed"]);
    const object = control.events()[0]!.object;
    assert.equal((await stripe.disputes.retrieve(object)).payment_intent, id);
  }));
