import assert from "node:assert/strict";
import { refusal, withSimulator } from "./with-simulator.ts";

const soon = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

Deno.test("a cancel that arrives while the customer confirms gets a lock_timeout, and the payment stands", () =>
  withSimulator({}, async ({ stripe, control }) => {
    const [id] = control.createPaymentIntents([{}]);
    const confirming = control.customer({ id: id!, verb: "confirm_ok", holdMs: 300 });
    await soon(20);
    const error = await refusal(stripe.paymentIntents.cancel(id!));
    assert.deepEqual([error.statusCode, error.code], [429, "lock_timeout"]);
    assert.equal(error.headers?.["stripe-rate-limited-reason"], undefined);
    assert.equal((await confirming).status, "succeeded");
    assert.equal(control.rateLimitedCalls().length, 0);
  }));

Deno.test("a cancel that may wait for the lock is refused by the state it then finds", () =>
  withSimulator({ behaviour: { lockWaitMs: 1000 } }, async ({ stripe, control }) => {
    const [id] = control.createPaymentIntents([{}]);
    const confirming = control.customer({ id: id!, verb: "confirm_ok", holdMs: 200 });
    await soon(10);
    assert.equal((await refusal(stripe.paymentIntents.cancel(id!))).payment_intent?.status, "succeeded");
    await confirming;
  }));

Deno.test("a customer who confirms during a cancel comes too late", () =>
  withSimulator({ behaviour: { lockHoldMs: 300 } }, async ({ stripe, control }) => {
    const [id] = control.createPaymentIntents([{}]);
    const canceling = stripe.paymentIntents.cancel(id!);
    await soon(30);
    assert.deepEqual((await control.customer({ id: id!, verb: "confirm_ok" })).accepted, false);
    assert.equal((await canceling).status, "canceled");
  }));

Deno.test("a session and its intent share one lock", () =>
  withSimulator({}, async ({ stripe, control }) => {
    const [made] = control.createCheckoutSessions([{ intentStatus: "requires_payment_method" }]);
    const paying = control.customer({ id: made!.paymentIntent!, verb: "confirm_ok", holdMs: 300 });
    await soon(20);
    assert.equal((await refusal(stripe.checkout.sessions.expire(made!.id))).code, "lock_timeout");
    assert.equal((await paying).sessionStatus, "complete");
  }));

Deno.test("of a hundred races between confirm and cancel each has exactly one winner", () =>
  withSimulator({ latencyMs: [0, 6] }, async ({ stripe, control }) => {
    const ids = control.createPaymentIntents([{ count: 100 }]);
    const winners = await Promise.all(ids.map(async (id) => {
      const [cancel, pay] = await Promise.all([
        stripe.paymentIntents.cancel(id).then(() => true, () => false),
        control.customer({ id, verb: "confirm_ok", holdMs: Math.random() * 6 }).then((result) => result.accepted),
      ]);
      return { cancel, pay, status: control.paymentIntent({ id }).status };
    }));
    for (const { cancel, pay, status } of winners) {
      assert.ok(cancel !== pay);
      assert.equal(status, pay ? "succeeded" : "canceled");
    }
  }));

Deno.test("a lock_timeout leaves the idempotency key free", () =>
  withSimulator({}, async ({ stripe, control }) => {
    const [id] = control.createPaymentIntents([{}]);
    const declining = control.customer({ id: id!, verb: "decline", holdMs: 300 });
    await soon(20);
    const cancel = () => stripe.paymentIntents.cancel(id!, {}, { idempotencyKey: "k1" });
    assert.equal((await refusal(cancel())).code, "lock_timeout");
    await declining;
    assert.equal((await cancel()).status, "canceled");
  }));
