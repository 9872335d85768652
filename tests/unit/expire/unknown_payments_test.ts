import assert from "node:assert/strict";
import type { ClaimedOrder } from "../../../functions/_shared/orders.ts";
import { at, order, payment } from "../stripe/builders.ts";
import { databaseOf, runJob, type Settled, unpaidOrders } from "./shop.ts";

/** Orders of a shop that left: Stripe knows none of their payments. */
function lostOrders(from: number, count = 11): ClaimedOrder[] {
  return Array.from({ length: count }, (_, n) => {
    const id = `lost${from + n}`;
    const createdAt = at(-n * 3_600_000);
    return order({ id, payments: [payment({ stripeId: `pi_${id}`, stripeAccount: "acct_1", createdAt })] });
  });
}

function count(settled: Settled[]): Record<string, number> {
  const outcomes: Record<string, number> = {};
  for (const { outcome } of settled) outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  return outcomes;
}

Deno.test("with a wrong key the run ends after the batches under way, and no order is charged", async () => {
  const { database, settled, asked } = databaseOf([0, 11, 22, 33, 44].map((from) => ({ orders: lostOrders(from) })));
  const { result } = await runJob({ database, gateway: unpaidOrders(0).stripe.gateway });
  assert.deepEqual([result.status, result.workLeft], ["failed", false]);
  assert.match(result.error!, /too_many_not_found/);
  assert.deepEqual(count(settled), { handed_back: asked.length * 11 });
  assert.ok(asked.length <= 2, `${asked.length} claims`);
});

Deno.test("a payment that Stripe knows, in whatever batch, proves the key for all batches of the run", async () => {
  const { orders, stripe } = unpaidOrders(1);
  const claims = [{ orders: [...orders, ...lostOrders(0)] }, { orders: lostOrders(11) }, { orders: lostOrders(22) }, {
    orders: lostOrders(33),
  }];
  const { database, settled } = databaseOf(claims);
  const { result } = await runJob({ database, gateway: stripe.gateway });
  const { expired, quarantined, handed_back = 0 } = count(settled);
  assert.deepEqual([expired, result.status], [1, "succeeded"]);
  assert.equal(quarantined! + handed_back, 44);
  assert.ok(quarantined! >= 22, "the batch goes on claiming once it knows");
});

Deno.test("unknown payments of batches side by side add up", async () => {
  const { database, settled } = databaseOf([{ orders: lostOrders(0, 6) }, { orders: lostOrders(6, 6) }]);
  const { result } = await runJob({ database, gateway: unpaidOrders(0).stripe.gateway });
  assert.match(result.error!, /too_many_not_found/);
  assert.ok(count(settled).handed_back! >= 6);
});
