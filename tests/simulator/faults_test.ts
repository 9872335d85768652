import assert from "node:assert/strict";
import { eventually } from "../integration/eventually.ts";
import type Stripe from "stripe";
import type { Fault } from "../../local/stripe-simulator/faults.ts";
import { refusal, withSimulator } from "./with-simulator.ts";

const ENDPOINT = "payment_intents.cancel" as const;

/** Cancels one intent under a fault: what the caller saw, and the intent's state. */
async function cancelUnder(fault: Fault, config: Stripe.StripeConfig = {}) {
  let seen: { error: Stripe.errors.StripeError; status: string; calls: number; executed: number } | undefined;
  await withSimulator({}, async ({ client, control }) => {
    const [id] = control.createPaymentIntents([{}]);
    control.addFault({ endpoint: ENDPOINT, ...fault });
    const error = await refusal(client("sk_test_simulated", config).paymentIntents.cancel(id!));
    const { status } = control.paymentIntent({ id: id! });
    seen = { error, status, calls: control.countCalls(), executed: control.countCalls({ executed: true }) };
  });
  return seen!;
}

const NOT_EXECUTED: Array<[fault: Fault, type: string, statusCode: number | undefined]> = [
  [{ kind: "reset" }, "StripeConnectionError", undefined],
  [{ kind: "error_500" }, "StripeAPIError", 500],
  [{ kind: "error_502_html" }, "StripeAPIError", undefined],
  [{ kind: "error_503" }, "StripeAPIError", 503],
  [{ kind: "rate_limited", reason: "global-rate" }, "StripeRateLimitError", 429],
  [{ kind: "lock_timeout" }, "StripeRateLimitError", 429],
  [{ kind: "unauthorized" }, "StripeAuthenticationError", 401],
  [{ kind: "forbidden" }, "StripePermissionError", 403],
  [{ kind: "not_found" }, "StripeInvalidRequestError", 404],
];
for (const [fault, type, statusCode] of NOT_EXECUTED) {
  Deno.test(`${fault.kind} reaches the caller as ${type} and the intent is untouched`, async () => {
    const { error, status, executed } = await cancelUnder(fault);
    assert.deepEqual([error.type, error.statusCode], [type, statusCode]);
    assert.deepEqual([status, executed], ["requires_payment_method", 0]);
  });
}

const EXECUTED: Fault[] = [
  { kind: "execute_then_cut_body" },
  { kind: "execute_then_reset" },
  { kind: "error_500", executes: true },
  { kind: "error_502_html", executes: true },
  { kind: "error_503", executes: true },
];
for (const fault of EXECUTED) {
  Deno.test(`${fault.kind} hides from the caller that the cancel took effect`, async () => {
    const { status, executed } = await cancelUnder(fault);
    assert.deepEqual([status, executed], ["canceled", 1]);
  });
}

Deno.test("a hang ends in the caller's timeout, and whether it executed depends on the fault", async () => {
  const config = { timeout: 150 };
  const before = await cancelUnder({ kind: "hang" }, config);
  const after = await cancelUnder({ kind: "execute_then_hang" }, config);
  assert.match(before.error.message, /timeout being reached/);
  assert.deepEqual([before.status, after.status], ["requires_payment_method", "canceled"]);
});

Deno.test("lock_timeout invites the SDK to retry, a rate limit does not", async () => {
  assert.equal((await cancelUnder({ kind: "lock_timeout" }, { maxNetworkRetries: 1 })).calls, 2);
  assert.equal((await cancelUnder({ kind: "rate_limited" }, { maxNetworkRetries: 1 })).calls, 1);
  assert.equal((await cancelUnder({ kind: "lock_timeout", shouldRetry: false }, { maxNetworkRetries: 1 })).calls, 1);
});

Deno.test("after a cut reply the same key replays the success, and a new key finds it done", () =>
  withSimulator({}, async ({ stripe, control }) => {
    const [id] = control.createPaymentIntents([{}]);
    control.addFault({ kind: "execute_then_cut_body", times: 1 });
    const cancel = (idempotencyKey: string) => stripe.paymentIntents.cancel(id!, {}, { idempotencyKey });
    await refusal(cancel("k1"));
    assert.equal((await cancel("k1")).status, "canceled");
    assert.equal((await refusal(cancel("k2"))).code, "payment_intent_unexpected_state");
  }));

Deno.test("faults apply by object, by call number and up to a configured count", () =>
  withSimulator({}, async ({ stripe, control }) => {
    const [a, b] = control.createPaymentIntents([{ count: 2 }]);
    control.addFault({ kind: "error_503", objectId: a!, nth: [1, 3] });
    const read = (id: string) => stripe.paymentIntents.retrieve(id).then(() => "ok", () => "failed");
    assert.equal(await read(b!), "ok");
    assert.deepEqual([await read(a!), await read(a!), await read(a!), await read(a!)], [
      "failed",
      "ok",
      "failed",
      "ok",
    ]);
    control.clearFaults();
    control.addFault({ kind: "error_503", from: 2, times: 1 });
    assert.deepEqual([await read(a!), await read(b!), await read(a!)], ["ok", "failed", "ok"]);
  }));

Deno.test("a fault with a probability strikes the same calls under the same seed", async () => {
  const pattern = async (seed: number) => {
    let outcome = "";
    await withSimulator({}, async ({ stripe, control }) => {
      control.addFault({ kind: "error_503", probability: 0.4, seed });
      for (let i = 0; i < 30; i++) outcome += await stripe.paymentIntents.list().then(() => ".", () => "x");
    });
    return outcome;
  };
  const first = await pattern(7);
  assert.ok(first.includes("x") && first.includes("."));
  assert.equal(await pattern(7), first);
  assert.notEqual(await pattern(8), first);
});

Deno.test("replies can carry an unknown status, miss a field or lose a session's intent", () =>
  withSimulator({}, async ({ stripe, control }) => {
    const [id] = control.createPaymentIntents([{}]);
    control.addFault({
      kind: "unknown_status",
      status: "requires_oracle",
      endpoint: "payment_intents.retrieve",
      nth: 1,
    });
    control.addFault({ kind: "missing_field", field: "amount_received", endpoint: "payment_intents.retrieve", nth: 2 });
    control.addFault({ kind: "missing_field", endpoint: "payment_intents.list" });
    control.addFault({ kind: "null_payment_intent", endpoint: "checkout.sessions.retrieve" });
    assert.equal((await stripe.paymentIntents.retrieve(id!)).status, "requires_oracle");
    assert.ok(!("amount_received" in await stripe.paymentIntents.retrieve(id!)));
    assert.ok(!("status" in (await stripe.paymentIntents.list()).data[0]!));
    const [made] = control.createCheckoutSessions([{ status: "complete" }]);
    assert.equal((await stripe.checkout.sessions.retrieve(made!.id)).payment_intent, null);
    assert.equal(control.paymentIntent({ id: id! }).status, "requires_payment_method");
  }));

Deno.test("delays and slow bodies take their time, alone and together with another fault", () =>
  withSimulator({}, async ({ stripe, control }) => {
    const took = async (call: () => Promise<unknown>) => {
      const start = performance.now();
      await call();
      return performance.now() - start;
    };
    for (const kind of ["delay", "delay_reply", "slow_body"] as const) {
      control.clearFaults();
      control.addFault({ kind, delayMs: 60 });
      assert.ok(await took(() => stripe.paymentIntents.list()) >= 59, kind);
    }
    control.clearFaults();
    control.addFault({ kind: "delay", delayMs: 60 });
    control.addFault({ kind: "error_503" });
    assert.ok(await took(() => refusal(stripe.paymentIntents.list())) >= 59);
  }));

Deno.test("on a reused connection the runtime may send a reset POST again by itself; the key keeps it from acting twice", () =>
  withSimulator({}, async ({ stripe, control }) => {
    const [id] = control.createPaymentIntents([{}]);
    await stripe.paymentIntents.retrieve(id!);
    control.addFault({ kind: "execute_then_reset", times: 1, endpoint: ENDPOINT });
    await stripe.paymentIntents.cancel(id!).catch(() => {});
    const calls = control.calls({ endpoint: ENDPOINT });
    assert.ok(calls.length === 1 || calls.length === 2);
    assert.equal(new Set(calls.map((call) => call.idempotencyKey)).size, 1);
    assert.equal(calls.filter((call) => call.executed).length, 1);
  }));

Deno.test("a call whose caller gave up is executed all the same", () =>
  withSimulator({}, async ({ stripe, control }) => {
    const [id] = control.createPaymentIntents([{}]);
    control.addFault({ kind: "delay", delayMs: 2_000, endpoint: ENDPOINT });
    // Long enough for the call to arrive, also on a busy machine.
    const error = await refusal(stripe.paymentIntents.cancel(id!, {}, { timeout: 1_000 }));
    assert.equal(error.type, "StripeConnectionError");
    assert.equal(control.paymentIntent({ id: id! }).status, "requires_payment_method");
    await eventually(() => control.paymentIntent({ id: id! }).status === "canceled", "the call is executed");
    assert.deepEqual(control.defects(), []);
  }));
