import assert from "node:assert/strict";
import { createExpectedCalls } from "../../../functions/_shared/budget/expected-calls.ts";
import type { StripeGateway } from "../../../functions/_shared/stripe/gateway.ts";
import { expectEnds } from "../../../functions/_shared/stripe/expect-ends.ts";
import { order, payment } from "./builders.ts";

const CANCEL = "payment_intents.cancel";
const EXPIRE = "checkout.sessions.expire";

/** An order with two open intents, an open session and a payment that is over; `other` has one of its own. */
function setUp() {
  const end = () => Promise.resolve({ ok: false });
  const expected = createExpectedCalls();
  const first = order({
    payments: [
      payment({ stripeId: "pi_1" }),
      payment({ stripeId: "pi_2" }),
      payment({ stripeId: "cs_1", kind: "checkout_session" }),
      payment({ stripeId: "pi_over", state: "dead" }),
    ],
  });
  const other = order({ id: "another", payments: [payment({ stripeId: "pi_3" })] });
  const { gateway, over } = expectEnds([first, other], {
    gateway: { cancelIntent: end, expireSession: end } as unknown as StripeGateway,
    expected,
  });
  return { first, other, gateway, over, left: () => [expected.of(CANCEL), expected.of(EXPIRE)] };
}

const ref = (id: string) => ({ id, account: null });
const KEY = { idempotencyKey: "key" };

Deno.test("one end is expected of each open payment, by its own endpoint", () => {
  assert.deepEqual(setUp().left(), [3, 1]);
});

Deno.test("an end that was asked for is not expected any more, however often it is asked for", async () => {
  const { gateway, left } = setUp();
  await gateway.cancelIntent(ref("pi_1"), KEY);
  await gateway.cancelIntent(ref("pi_1"), KEY);
  assert.deepEqual(left(), [2, 1]);
  await gateway.expireSession(ref("cs_1"), KEY);
  assert.deepEqual(left(), [2, 0]);
});

Deno.test("an order that is over leaves nothing expected, whatever was asked of it", async () => {
  const { first, other, gateway, over, left } = setUp();
  await gateway.cancelIntent(ref("pi_2"), KEY);
  over(first);
  assert.deepEqual(left(), [1, 0]);
  over(first);
  over(other);
  assert.deepEqual(left(), [0, 0]);
});

Deno.test("payments of other orders, and what nobody expected, are counted nowhere", async () => {
  const { gateway, left } = setUp();
  await gateway.cancelIntent(ref("pi_of_a_session"), KEY);
  assert.deepEqual(left(), [3, 1]);
});

Deno.test("an intent that was recorded twice is ended once", () => {
  const expected = createExpectedCalls();
  const twice = order({ payments: [payment({}), payment({ stripeAccount: "acct_1" })] });
  const { over } = expectEnds([twice], { gateway: {} as StripeGateway, expected });
  assert.equal(expected.of(CANCEL), 1);
  over(twice);
  assert.equal(expected.of(CANCEL), 0);
});
