import assert from "node:assert/strict";
import { type Pace, retryingGateway, type RetryPolicy } from "../../../functions/_shared/stripe/retry.ts";
import { blankFailure, type Reply } from "../../../functions/_shared/stripe/reply.ts";
import type { StripeIntent } from "../../../functions/_shared/stripe/objects.ts";
import { at, intent, NOW } from "./builders.ts";
import { fakeStripe } from "./fake-stripe.ts";

const REF = { id: "pi_1", account: null };
const KEY = { idempotencyKey: "lapse:pi_1:3" };
const policy: RetryPolicy = { attempts: 3, baseDelay: 100, maxDelay: 150 };
const serverError: Reply<StripeIntent> = { ok: false, failure: blankFailure("refused", { httpStatus: 500 }) };
const timeout: Reply<StripeIntent> = { ok: false, failure: blankFailure("timeout") };
const cardError: Reply<StripeIntent> = { ok: false, failure: blankFailure("refused", { httpStatus: 402 }) };
const conflict: Reply<StripeIntent> = { ok: false, failure: blankFailure("refused", { httpStatus: 409 }) };
const locked: Reply<StripeIntent> = {
  ok: false,
  failure: blankFailure("refused", { httpStatus: 429, errorCode: "lock_timeout" }),
};
const throttled: Reply<StripeIntent> = {
  ok: false,
  failure: blankFailure("refused", { httpStatus: 429, rateLimitedReason: "endpoint-rate" }),
};

for (const [name, failure] of Object.entries({ serverError, timeout, conflict, throttled })) {
  Deno.test(`a read is repeated after ${name}, with growing pauses, until it succeeds`, async () => {
    const { stripe, gateway, slept } = paced([failure, failure]);
    const reply = await gateway.readIntent(REF);
    assert.ok(reply.ok);
    assert.equal(stripe.calls.length, 3);
    assert.deepEqual(slept, [75, 112.5]);
  });
}

Deno.test("a read is given up after the last attempt", async () => {
  const { stripe, gateway } = paced([timeout, timeout, timeout, timeout]);
  assert.equal(await gateway.readIntent(REF), timeout);
  assert.equal(stripe.calls.length, 3);
});

for (const [name, failure] of Object.entries({ cardError, locked })) {
  Deno.test(`a read is not repeated after ${name}`, async () => {
    const { stripe, gateway } = paced([failure]);
    assert.equal(await gateway.readIntent(REF), failure);
    assert.equal(stripe.calls.length, 1);
  });
}

Deno.test("a cancel with an unknown outcome is repeated once, with the same key", async () => {
  const { stripe, gateway } = paced([timeout, serverError, timeout], "cancelIntent");
  assert.equal(await gateway.cancelIntent(REF, KEY), serverError);
  assert.deepEqual(stripe.calls, ["cancelIntent pi_1 lapse:pi_1:3", "cancelIntent pi_1 lapse:pi_1:3"]);
});

Deno.test("a cancel that the rate limit turned away is repeated like a read, it was not executed", async () => {
  const { stripe, gateway } = paced([throttled, throttled], "cancelIntent");
  assert.ok((await gateway.cancelIntent(REF, KEY)).ok);
  assert.equal(stripe.calls.length, 3);
});

Deno.test("a cancel of a locked object is not repeated, the customer may be paying", async () => {
  const { stripe, gateway } = paced([locked], "cancelIntent");
  assert.equal(await gateway.cancelIntent(REF, KEY), locked);
  assert.equal(stripe.calls.length, 1);
});

Deno.test("no call is repeated when its pause would end after the deadline", async () => {
  const { stripe, gateway, slept } = paced([timeout, timeout], "readIntent", { deadline: at(75) });
  assert.equal(await gateway.readIntent(REF), timeout);
  assert.equal(stripe.calls.length, 1);
  assert.deepEqual(slept, []);
});

Deno.test("no call is sent after the deadline", async () => {
  const { stripe, gateway } = paced([], "readIntent", { deadline: NOW });
  const reply = await gateway.readIntent(REF);
  assert.equal(reply.ok ? null : reply.failure.kind, "not_sent");
  assert.deepEqual(stripe.calls, []);
});

Deno.test("what Stripe said stands when the repetition finds no slot before the deadline", async () => {
  const notSent: Reply<StripeIntent> = { ok: false, failure: blankFailure("not_sent") };
  for (const said of [timeout, throttled]) {
    const { gateway } = paced([said, notSent], "cancelIntent");
    assert.equal(await gateway.cancelIntent(REF, KEY), said);
  }
  const { gateway, stripe } = paced([notSent], "cancelIntent");
  assert.equal(await gateway.cancelIntent(REF, KEY), notSent);
  assert.equal(stripe.calls.length, 1);
});

function paced(
  failures: Reply<StripeIntent>[],
  method: "readIntent" | "cancelIntent" = "readIntent",
  overrides: Partial<Pace> = {},
) {
  const stripe = fakeStripe({ pi_1: intent() });
  for (const failure of failures) stripe.answer(method, "pi_1", failure);
  const slept: number[] = [];
  const sleep = (ms: number) => Promise.resolve(void slept.push(ms));
  const pace: Pace = { deadline: at(1e6), clock: () => NOW, sleep, random: () => 0.5, ...overrides };
  return { stripe, slept, gateway: retryingGateway(stripe.gateway, { ...pace, policy }) };
}
