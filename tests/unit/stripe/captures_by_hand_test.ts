import assert from "node:assert/strict";
import { examineOrder } from "../../../functions/_shared/stripe/examine-order.ts";
import { capturesByHand } from "../../../functions/_shared/stripe/captures-by-hand.ts";
import type { StripeGateway } from "../../../functions/_shared/stripe/gateway.ts";
import { DEFAULT_POLICY } from "../../../functions/_shared/stripe/policy.ts";
import { readInPages } from "../../../functions/_shared/stripe/read-in-pages.ts";
import { at, intent, NOW, order, payment } from "./builders.ts";
import { fakeStripe } from "./fake-stripe.ts";

for (
  const [what, fields, byHand] of [
    ["an automatic capture", { capture_method: "automatic" }, false],
    ["an asynchronous one", { capture_method: "automatic_async" }, false],
    ["a manual one", { capture_method: "manual" }, true],
    ["one of a kind that is not known", { capture_method: "at_dawn" }, true],
    ["none", { capture_method: null }, true],
    ["a manual one with cards", { payment_method_options: { card: { capture_method: "manual" } } }, true],
    ["a manual one with the second method", {
      payment_method_options: { ideal: {}, klarna: null, paypal: { capture_method: "manual" } },
    }, true],
    [
      "methods that say nothing of it",
      { payment_method_options: { card: { installments: null }, ideal: null } },
      false,
    ],
    ["options of no shape", { payment_method_options: null }, false],
  ] as const
) {
  Deno.test(`an intent with ${what} is ${byHand ? "" : "not "}captured by hand`, () => {
    assert.equal(capturesByHand(intent(fields)), byHand);
  });
}

/** Three orders whose intents stand on one page, and their gateway over it. */
async function onOnePage(fields: Record<string, unknown>, clock = () => NOW) {
  const ids = [1, 2, 3];
  const stripe = fakeStripe(
    Object.fromEntries(
      ids.map((n) => [`pi_${n}`, intent({ id: `pi_${n}`, metadata: { order_id: `o${n}` }, ...fields })]),
    ),
  );
  const gateway: StripeGateway = {
    ...stripe.gateway,
    listIntents: () => {
      const intents = ids.map((n) => stripe.get(`pi_${n}`) as ReturnType<typeof intent>);
      return Promise.resolve({
        ok: true,
        requestId: null,
        object: { intents, malformed: [], hasMore: false, lastId: "pi_1" },
      });
    },
  };
  const orders = ids.map((n) => order({ id: `o${n}`, payments: [payment({ stripeId: `pi_${n}` })] }));
  const paged = await readInPages(orders, { gateway, clock, countIntents: () => Promise.resolve([3]) });
  const examine = (n: number) =>
    examineOrder(orders[n - 1]!, { gateway: paged, clock, policy: DEFAULT_POLICY, dryRun: false });
  return { stripe, examine };
}

for (
  const fields of [
    { capture_method: "manual" },
    { payment_method_options: { card: { capture_method: "manual" } } },
  ]
) {
  Deno.test(`a customer who authorised after the page was read keeps the authorisation: ${JSON.stringify(fields)}`, async () => {
    const { stripe, examine } = await onOnePage(fields);
    stripe.set("pi_3", { status: "requires_capture" });
    const { decision } = await examine(3);
    assert.deepEqual([decision?.outcome, decision?.reason], ["waiting", "requires_capture"]);
    assert.deepEqual(stripe.calls, ["readIntent pi_3"]);
  });
}

Deno.test("an intent that is captured at once is served from the page", async () => {
  const { stripe, examine } = await onOnePage({ capture_method: "automatic" });
  assert.equal((await examine(1)).decision?.outcome, "expired");
  assert.deepEqual(stripe.calls, ["cancelIntent pi_1 lapse:pi_1:3"]);
});

Deno.test("a page serves for fifteen seconds, then intents are read one by one", async () => {
  let now = NOW;
  const { stripe, examine } = await onOnePage({ capture_method: "automatic" }, () => now);
  now = at(15_000);
  await examine(1);
  now = at(15_001);
  await examine(2);
  assert.deepEqual(stripe.calls.filter((call) => call.startsWith("read")), ["readIntent pi_2"]);
});

Deno.test("a customer who authorises one payment while the other is ended keeps the authorisation", async () => {
  const stripe = fakeStripe({ pi_a: intent({ id: "pi_a" }), pi_b: intent({ id: "pi_b", capture_method: "manual" }) });
  const claimed = order({ payments: [payment({ stripeId: "pi_a" }), payment({ stripeId: "pi_b" })] });
  const gateway: StripeGateway = {
    ...stripe.gateway,
    cancelIntent: (ref, key) => {
      stripe.set("pi_b", { status: "requires_capture" });
      return stripe.gateway.cancelIntent(ref, key);
    },
  };
  const { decision } = await examineOrder(claimed, {
    gateway,
    clock: () => NOW,
    policy: DEFAULT_POLICY,
    dryRun: false,
  });
  assert.deepEqual([decision?.outcome, decision?.reason], ["waiting", "requires_capture"]);
  assert.deepEqual(stripe.writes(), ["cancelIntent pi_a lapse:pi_a:3"]);
});

Deno.test("what was looked at last is ended without another look", async () => {
  const stripe = fakeStripe({ pi_1: intent({ capture_method: "manual" }) });
  await examineOrder(order(), { gateway: stripe.gateway, clock: () => NOW, policy: DEFAULT_POLICY, dryRun: false });
  assert.deepEqual(stripe.calls, ["readIntent pi_1", "cancelIntent pi_1 lapse:pi_1:3"]);
});
