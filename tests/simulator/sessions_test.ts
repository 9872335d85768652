import assert from "node:assert/strict";
import type Stripe from "stripe";
import { refusal, withSimulator } from "./with-simulator.ts";

const LINE = { price_data: { currency: "eur", unit_amount: 700, product_data: { name: "Cup" } }, quantity: 2 };
const NEW: Stripe.Checkout.SessionCreateParams = {
  mode: "payment",
  line_items: [LINE],
  success_url: "https://shop.example/thanks",
  metadata: { order_id: "o1" },
  payment_intent_data: { metadata: { order_id: "o1" } },
};

Deno.test("a new session is open, unpaid and without an intent", () =>
  withSimulator({}, async ({ stripe }) => {
    const session = await stripe.checkout.sessions.create(NEW);
    assert.deepEqual([session.status, session.payment_status, session.payment_intent], ["open", "unpaid", null]);
    assert.equal(session.amount_total, 1400);
    assert.match(session.id, /^cs_test_/);
  }));

Deno.test("an intent made by Checkout has the metadata meant for it and none of its session's", () =>
  withSimulator({}, async ({ stripe, control }) => {
    const created = await stripe.checkout.sessions.create({ ...NEW, payment_intent_data: undefined });
    await control.customer({ id: created.id, verb: "confirm_session" });
    const [placed] = control.createCheckoutSessions([{ status: "complete", metadata: { order_id: "o2" } }]);
    for (const [id, orderId] of [[created.id, "o1"], [placed!.id, "o2"]] as const) {
      const { payment_intent } = await stripe.checkout.sessions.retrieve(id, { expand: ["payment_intent"] });
      assert.deepEqual((payment_intent as Stripe.PaymentIntent).metadata, {});
      assert.equal(control.orderMoney({ orderId }).charged, true, "the money is known by the session all the same");
    }
  }));

Deno.test("a session may name its order by client_reference_id alone", () =>
  withSimulator({}, async ({ stripe, control }) => {
    const created = await stripe.checkout.sessions.create({ ...NEW, metadata: {}, client_reference_id: "o1" });
    const [placed] = control.createCheckoutSessions([{ clientReferenceId: "o2", status: "complete" }]);
    assert.equal((await stripe.checkout.sessions.retrieve(created.id)).client_reference_id, "o1");
    assert.equal((await stripe.checkout.sessions.retrieve(placed!.id)).client_reference_id, "o2");
    assert.equal(control.orderMoney({ orderId: "o2" }).charged, true);
  }));

Deno.test("confirming a session makes its intent and completes it", () =>
  withSimulator({}, async ({ stripe, control }) => {
    const { id } = await stripe.checkout.sessions.create(NEW);
    await control.customer({ id, verb: "confirm_session" });
    const session = await stripe.checkout.sessions.retrieve(id, { expand: ["payment_intent"] });
    const intent = session.payment_intent as Stripe.PaymentIntent;
    assert.deepEqual([session.status, session.payment_status, intent.status], ["complete", "paid", "succeeded"]);
    assert.deepEqual(intent.metadata, { order_id: "o1" });
    assert.equal(control.orderMoney({ orderId: "o1" }).chargedAmount, 1400);
  }));

Deno.test("a slow method completes the session before the money is there", () =>
  withSimulator({}, async ({ stripe, control }) => {
    const { id } = await stripe.checkout.sessions.create(NEW);
    await control.customer({ id, verb: "confirm_session", outcome: "processing" });
    const waiting = await stripe.checkout.sessions.retrieve(id);
    assert.deepEqual([waiting.status, waiting.payment_status], ["complete", "unpaid"]);
    await control.customer({ id: waiting.payment_intent as string, verb: "async_settle" });
    assert.equal((await stripe.checkout.sessions.retrieve(id)).payment_status, "paid");
  }));

Deno.test("a declined or unfinished attempt leaves the session open", () =>
  withSimulator({}, async ({ stripe, control }) => {
    for (const outcome of ["declined", "three_d_secure"] as const) {
      const { id } = await stripe.checkout.sessions.create(NEW);
      const result = await control.customer({ id, verb: "confirm_session", outcome });
      assert.deepEqual([result.accepted, result.sessionStatus], [true, "open"]);
    }
  }));

Deno.test("an open session can be expired once, and its intent dies with it", () =>
  withSimulator({}, async ({ stripe, control }) => {
    const { id } = await stripe.checkout.sessions.create(NEW);
    await control.customer({ id, verb: "confirm_session", outcome: "declined" });
    const expired = await stripe.checkout.sessions.expire(id, { expand: ["payment_intent"] });
    assert.equal(expired.status, "expired");
    assert.equal((expired.payment_intent as Stripe.PaymentIntent).status, "canceled");
    const again = await refusal(stripe.checkout.sessions.expire(id));
    assert.equal(again.statusCode, 400);
    assert.equal(again.code, undefined);
    assert.match(again.message, /Only Checkout Sessions with a status in \["open"\] can be expired/);
    assert.equal((await control.customer({ id, verb: "confirm_session" })).accepted, false);
  }));

Deno.test("an expiring session leaves its intent alive if configured to", () =>
  withSimulator({ behaviour: { expiringSessionCancelsIntent: "never" } }, async ({ stripe, control }) => {
    const [made] = control.createCheckoutSessions([{ intentStatus: "requires_payment_method" }]);
    await stripe.checkout.sessions.expire(made!.id);
    assert.equal((await stripe.paymentIntents.retrieve(made!.paymentIntent!)).status, "requires_payment_method");
  }));

Deno.test("a complete session cannot be expired", () =>
  withSimulator({}, async ({ stripe, control }) => {
    const [made] = control.createCheckoutSessions([{ status: "complete" }]);
    assert.match((await refusal(stripe.checkout.sessions.expire(made!.id))).message, /has a status of "complete"/);
  }));

Deno.test("an intent of a session refuses a direct cancel without a code, unless its money is held", () =>
  withSimulator({}, async ({ stripe, control }) => {
    const [open, held] = control.createCheckoutSessions([
      { intentStatus: "requires_payment_method" },
      { status: "complete", paymentStatus: "unpaid", intentStatus: "requires_capture" },
    ]);
    const error = await refusal(stripe.paymentIntents.cancel(open!.paymentIntent!));
    assert.deepEqual([error.statusCode, error.code], [400, undefined]);
    assert.match(error.message, /created by Checkout\. Try expiring the Checkout Session instead\./);
    assert.equal((await stripe.paymentIntents.cancel(held!.paymentIntent!)).status, "canceled");
  }));

Deno.test("a session is found by its intent", () =>
  withSimulator({}, async ({ stripe, control }) => {
    const made = control.createCheckoutSessions([{ count: 3, intentStatus: "requires_payment_method" }]);
    const found = await stripe.checkout.sessions.list({ payment_intent: made[1]!.paymentIntent! });
    assert.deepEqual(found.data.map((session) => session.id), [made[1]!.id]);
    const [loose] = control.createPaymentIntents([{}]);
    assert.equal((await stripe.checkout.sessions.list({ payment_intent: loose! })).data.length, 0);
  }));

Deno.test("an open session expires by the clock", () =>
  withSimulator({ now: new Date("2026-11-01T00:00:00Z") }, async ({ stripe, control }) => {
    const { id } = await stripe.checkout.sessions.create(NEW);
    control.advanceClock({ ms: 24 * 3_600_000 });
    assert.equal((await stripe.checkout.sessions.retrieve(id)).status, "expired");
    assert.equal((await stripe.checkout.sessions.list({ status: "open" })).data.length, 0);
  }));

Deno.test("a session may live 30 minutes to 24 hours", () =>
  withSimulator({}, async ({ stripe }) => {
    const now = Math.floor(Date.now() / 1000);
    for (const expires_at of [now + 600, now + 90_000]) {
      assert.equal((await refusal(stripe.checkout.sessions.create({ ...NEW, expires_at }))).param, "expires_at");
    }
  }));
