import assert from "node:assert/strict";
import { createExpectedCalls } from "../../../functions/_shared/budget/expected-calls.ts";
import type { StripeGateway } from "../../../functions/_shared/stripe/gateway.ts";
import { expectEnds } from "../../../functions/_shared/stripe/expect-ends.ts";
import { order, payment } from "./builders.ts";

const CANCEL = "payment_intents.cancel";
const EXPIRE = "checkout.sessions.expire";

/** Two open intents, an open session and a payment that is over, at a Stripe that shows them with this status. */
function setUp(status: string | null = null) {
  const reply = () => Promise.resolve(status === null ? { ok: false } : { ok: true, object: { status } });
  const stripe = { readIntent: reply, readSession: reply, cancelIntent: reply, expireSession: reply };
  const expected = createExpectedCalls();
  const payments = [
    payment({ stripeId: "pi_1" }),
    payment({ stripeId: "pi_2" }),
    payment({ stripeId: "cs_1", kind: "checkout_session" }),
    payment({ stripeId: "pi_over", state: "dead" }),
  ];
  const { gateway, over } = expectEnds([order({ payments })], {
    gateway: stripe as unknown as StripeGateway,
    expected,
  });
  return { gateway, over, left: () => [expected.of(CANCEL), expected.of(EXPIRE)] };
}

const ref = (id: string) => ({ id, account: null });
const KEY = { idempotencyKey: "key" };

Deno.test("one end is expected of each open payment, by its own endpoint", () => {
  assert.deepEqual(setUp().left(), [2, 1]);
});

Deno.test("an end that was asked for is not expected any more, however often it is asked for", async () => {
  const { gateway, left } = setUp("canceled");
  await gateway.cancelIntent(ref("pi_1"), KEY);
  await gateway.cancelIntent(ref("pi_1"), KEY);
  assert.deepEqual(left(), [1, 1]);
  await gateway.expireSession(ref("cs_1"), KEY);
  assert.deepEqual(left(), [1, 0]);
});

Deno.test("nothing is expected of what Stripe shows to be over, or does not show", async () => {
  for (const status of ["succeeded", "canceled", "processing", "requires_capture", null]) {
    const { gateway, left } = setUp(status);
    await gateway.readIntent(ref("pi_2"));
    assert.deepEqual(left(), [1, 1], `${status}`);
  }
  for (const status of ["complete", "expired", null]) {
    const { gateway, left } = setUp(status);
    await gateway.readSession(ref("cs_1"));
    assert.deepEqual(left(), [2, 0], `${status}`);
  }
});

Deno.test("what can still be ended stays expected until the batch is over", async () => {
  const unpaid = setUp("requires_payment_method");
  await unpaid.gateway.readIntent(ref("pi_1"));
  const open = setUp("open");
  await open.gateway.readSession(ref("cs_1"));
  assert.deepEqual([unpaid.left(), open.left()], [[2, 1], [2, 1]]);
  unpaid.over();
  assert.deepEqual(unpaid.left(), [0, 0]);
});

Deno.test("payments of other orders, and what nobody expected, are counted nowhere", async () => {
  const { gateway, left } = setUp("canceled");
  await gateway.cancelIntent(ref("pi_of_a_session"), KEY);
  assert.deepEqual(left(), [2, 1]);
});
