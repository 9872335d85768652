import assert from "node:assert/strict";
import { cleanupStalePaymentIntents } from "../../../functions/cleanup-stale-payment-intents/cleanup-stale-payment-intents.ts";
import { databaseOf, linesOf, NOW, order, runJob, stripeOf, unpaidOrders } from "../expire/shop.ts";
import { virtualTime } from "../stripe/virtual-time.ts";

const job = cleanupStalePaymentIntents;

Deno.test("the clean-up reads Stripe's lists even when nothing is due, and closes no order", async () => {
  const { database, calls } = databaseOf([]);
  const { result } = await runJob({ database, job });
  assert.deepEqual([calls, result.status], [["listCursors", "claimOrders", "claimOrders"], "succeeded"]);
});

Deno.test("the clean-up cancels open payments of closed orders and changes nothing else", async () => {
  const { database, settled } = databaseOf([{
    orders: [order("a", { status: "expired" }), order("b", { status: "paid" })],
  }]);
  const stripe = stripeOf();
  const { result } = await runJob({ database, job, gateway: stripe.gateway });
  assert.deepEqual(linesOf(settled), ["a checked payments_checked", "b checked payments_checked"]);
  assert.deepEqual(settled.map(({ payments }) => payments[0]!.outcome), ["canceled", "canceled"]);
  assert.deepEqual([stripe.writes().sort(), result.status], [["cancel pi_a", "cancel pi_b"], "succeeded"]);
});

Deno.test("the clean-up respects its limit and its share like the other job", async () => {
  const limited = databaseOf([{ orders: unpaidOrders(3) }, { orders: unpaidOrders(3, 3) }]);
  await runJob({ database: limited.database, job, limit: 3 });
  assert.equal(limited.settled.length, 3);
  const shared = databaseOf([{ orders: unpaidOrders(3) }, { orders: unpaidOrders(3, 3) }]);
  const { result } = await runJob({ database: shared.database, job, settings: { runOrders: 3 } });
  assert.deepEqual([shared.settled.length, result.workLeft], [3, true]);
});

Deno.test("a dry clean-up asks for its own orders and cancels nothing", async () => {
  const { database, calls } = databaseOf([{ orders: [order("a", { status: "expired" })] }]);
  const stripe = stripeOf();
  const { result } = await runJob({ database, job, gateway: stripe.gateway, dryRun: true });
  assert.deepEqual([calls, stripe.writes()], [["previewOrders", "previewUnits"], []]);
  assert.deepEqual(result.preview!.decisions.map(({ ref, outcome }) => `${ref} ${outcome}`), ["a checked"]);
});

for (const { told, expected } of [{ told: 3, expected: 3 }, { told: Infinity, expected: 15 }]) {
  Deno.test(`the clean-up begins when it is left its share, and waits no longer than a run lives: told ${told} times to wait`, async () => {
    const { clock, runUntil } = virtualTime({ from: NOW });
    let asked = 0;
    const { database, calls } = databaseOf([], {
      settleOrders: () => {
        asked += 1;
        return Promise.resolve({ outcomes: {}, superseded: 0, paymentsPerSecond: 4, waitForShare: asked < told });
      },
    });
    await runUntil(runJob({ database, job, clock, waitForShare: true }));
    assert.deepEqual(calls.slice(0, expected + 1), [...Array(expected).fill("settleOrders"), "listCursors"]);
    assert.equal(clock.monotonic(), expected * 1_100);
  });
}
