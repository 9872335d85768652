import assert from "node:assert/strict";
import type { ClaimedOrder } from "../../../functions/_shared/rules/orders.ts";
import { NO_TRACE } from "../../../functions/_shared/stripe/outcome.ts";
import { countOf, databaseOf, NOT_FOUND, runJob, stripeOf, unpaidOrders } from "./shop.ts";

/** Orders whose payments Stripe does not know, as `lostStripe` answers. */
const lostOrders = (from: number, count = 11): ClaimedOrder[] => unpaidOrders(count, 1_000 + from);
const lostStripe = () =>
  stripeOf(Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`pi_o${1_000 + n}`, NOT_FOUND])));

Deno.test("with a wrong key the run ends after the batches under way, and no attempt counts as failed", async () => {
  const { database, settled, asked } = databaseOf([0, 11, 22, 33, 44].map((from) => ({ orders: lostOrders(from) })));
  const { result } = await runJob({ database, gateway: lostStripe().gateway });
  assert.deepEqual([result.status, result.workLeft], ["failed", false]);
  assert.match(result.error!, /too_many_not_found/);
  assert.deepEqual(countOf(settled), { handed_back: asked.length * 11 });
  assert.ok(asked.length <= 2, `${asked.length} claims`);
});

Deno.test("a payment that Stripe knows, in whatever batch, proves the key for all batches of the run", async () => {
  const { database, settled } = databaseOf([
    { orders: [...unpaidOrders(1), ...lostOrders(0)] },
    ...[11, 22, 33].map((from) => ({ orders: lostOrders(from) })),
  ]);
  const { result } = await runJob({ database, gateway: lostStripe().gateway });
  const { expired, quarantined = 0, handed_back = 0 } = countOf(settled);
  assert.deepEqual([expired, result.status], [1, "succeeded"]);
  assert.equal(quarantined + handed_back, 44);
  assert.ok(quarantined >= 22, "the batch goes on claiming once it knows");
});

Deno.test("a batch that casts doubt on the key does not end a run whose next batch proves the key", async () => {
  const { database, settled } = databaseOf([{ orders: lostOrders(0) }, { orders: unpaidOrders(1) }, {
    orders: lostOrders(11),
  }]);
  const { gateway } = lostStripe();
  const read = gateway.readIntent;
  gateway.readIntent = async (ref) => {
    if (ref.id === "pi_o0") await new Promise((resolve) => setTimeout(resolve, 5));
    return await read(ref);
  };
  const { result } = await runJob({ database, gateway });
  assert.deepEqual(countOf(settled), { handed_back: 11, expired: 1, quarantined: 11 });
  assert.equal(result.status, "succeeded");
});

Deno.test("unknown payments of concurrent batches add up", async () => {
  const { database, settled } = databaseOf([{ orders: lostOrders(0, 6) }, { orders: lostOrders(6, 6) }]);
  const { result } = await runJob({ database, gateway: lostStripe().gateway });
  assert.match(result.error!, /too_many_not_found/);
  assert.ok(countOf(settled).handed_back! >= 6);
});

Deno.test("a key that Stripe rejects stops the run, and every order is handed back", async () => {
  const { database, settled, asked } = databaseOf([{ orders: unpaidOrders(50) }, {}, { orders: unpaidOrders(50, 50) }]);
  const stop = { kind: "stop", why: "key_rejected", trace: NO_TRACE } as const;
  const stripe = stripeOf(Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`pi_o${n}`, stop])));
  const { result } = await runJob({ database, gateway: stripe.gateway });
  assert.deepEqual([result.status, result.error, result.workLeft], [
    "failed",
    "Stripe stopped the run: key_rejected",
    false,
  ]);
  assert.deepEqual([countOf(settled), asked.length], [{ handed_back: 50 }, 2]);
});
