import assert from "node:assert/strict";
import { refusal, replyHeader, withSimulator } from "./with-simulator.ts";

const PARAMS = { amount: 500, currency: "eur" };

Deno.test("the same key and parameters get the first reply again, without executing", () =>
  withSimulator({}, async ({ stripe, control }) => {
    const first = await stripe.paymentIntents.create(PARAMS, { idempotencyKey: "k1" });
    const again = await stripe.paymentIntents.create(PARAMS, { idempotencyKey: "k1" });
    assert.equal(again.id, first.id);
    assert.equal(replyHeader(again, "idempotent-replayed"), "true");
    assert.equal(replyHeader(again, "original-request"), replyHeader(first, "request-id"));
    assert.deepEqual(control.calls().map((call) => [call.executed, call.replayed]), [[true, false], [false, true]]);
    assert.equal(control.paymentIntents().length, 1);
  }));

Deno.test("a key with other parameters or on another endpoint is a 400 idempotency_error", () =>
  withSimulator({}, async ({ stripe }) => {
    const intent = await stripe.paymentIntents.create(PARAMS, { idempotencyKey: "k1" });
    const other = await refusal(stripe.paymentIntents.create({ ...PARAMS, amount: 600 }, { idempotencyKey: "k1" }));
    assert.deepEqual([other.statusCode, other.rawType], [400, "idempotency_error"]);
    assert.match(other.message, /only be used with the same parameters/);
    const elsewhere = await refusal(stripe.paymentIntents.cancel(intent.id, {}, { idempotencyKey: "k1" }));
    assert.match(elsewhere.message, /only be used for the same endpoint/);
  }));

Deno.test("a refusal is frozen under its key although the state has changed", () =>
  withSimulator({}, async ({ stripe, control }) => {
    const [id] = control.createPaymentIntents([{ status: "processing" }]);
    const cancel = (idempotencyKey: string) => stripe.paymentIntents.cancel(id!, {}, { idempotencyKey });
    await refusal(cancel("k1"));
    await control.customer({ id: id!, verb: "async_fail" });
    const frozen = await refusal(cancel("k1"));
    assert.equal(frozen.payment_intent?.status, "processing");
    assert.equal((await cancel("k2")).status, "canceled");
  }));

Deno.test("a saved 500 is replayed, an unsaved one is not", () =>
  withSimulator({}, async ({ stripe, control }) => {
    control.addFault({ kind: "error_500", times: 1 });
    control.addFault({ kind: "error_500", saved: false, nth: 3 });
    const create = (idempotencyKey: string) => stripe.paymentIntents.create(PARAMS, { idempotencyKey });
    assert.equal((await refusal(create("k1"))).statusCode, 500);
    assert.equal((await refusal(create("k1"))).statusCode, 500);
    assert.equal((await refusal(create("k2"))).statusCode, 500);
    assert.equal((await create("k2")).status, "requires_payment_method");
  }));

Deno.test("the same key while the first call still runs is a 409", () =>
  withSimulator({ latencyMs: 300 }, async ({ stripe }) => {
    const first = stripe.paymentIntents.create(PARAMS, { idempotencyKey: "k1" });
    await new Promise((resolve) => setTimeout(resolve, 20));
    const second = await refusal(stripe.paymentIntents.create(PARAMS, { idempotencyKey: "k1" }));
    assert.deepEqual([second.statusCode, second.code], [409, "idempotency_key_in_use"]);
    const { id } = await first;
    assert.equal((await stripe.paymentIntents.create(PARAMS, { idempotencyKey: "k1" })).id, id);
  }));

Deno.test("validation failures and rate limits leave the key free", () =>
  withSimulator({}, async ({ stripe, control }) => {
    const bogus = { ...PARAMS, bogus: "x" } as typeof PARAMS;
    await refusal(stripe.paymentIntents.create(bogus, { idempotencyKey: "k1" }));
    control.addFault({ kind: "rate_limited", times: 1 });
    await refusal(stripe.paymentIntents.create(PARAMS, { idempotencyKey: "k1" }));
    assert.equal((await stripe.paymentIntents.create(PARAMS, { idempotencyKey: "k1" })).amount, 500);
  }));

Deno.test("keys are kept per account and pruned after 24 hours", () =>
  withSimulator({}, async ({ stripe, control }) => {
    const first = await stripe.paymentIntents.create(PARAMS, { idempotencyKey: "k1" });
    const elsewhere = await stripe.paymentIntents.create(PARAMS, { idempotencyKey: "k1", stripeAccount: "acct_other" });
    assert.notEqual(elsewhere.id, first.id);
    control.advanceClock({ ms: 24 * 3_600_000 + 1000 });
    assert.notEqual((await stripe.paymentIntents.create(PARAMS, { idempotencyKey: "k1" })).id, first.id);
  }));
