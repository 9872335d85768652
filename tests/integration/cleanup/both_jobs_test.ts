import assert from "node:assert/strict";
import { populate } from "./account.ts";
import { withBench } from "./bench.ts";

/** Half of what Stripe allows a sandbox, 12.5, and the jitter between two processes. */
const CALLS_PER_SECOND = 13;

Deno.test("both jobs at once stay within one call budget, and neither starves the other", async () => {
  await withBench(async (bench) => {
    await populate(bench, { payments: 160, oldest: 20, youngest: 8, findEvery: 53 });
    for (let n = 0; n < 40; n++) {
      const orderId = await bench.order("pending");
      await bench.attach(orderId, bench.intent(orderId, { daysAgo: 0 }));
    }

    const [expiry, cleanup] = await Promise.all([bench.run({ job: "expire-stale-orders" }), bench.run()]);
    assert.deepEqual([expiry.error, cleanup.error], [null, null]);
    assert.ok(expiry.paymentsExpired === 40 && cleanup.paymentIntentsCanceled > 40);
    assert.ok(bench.stripe.peakCalls() <= CALLS_PER_SECOND, `${bench.stripe.peakCalls()} calls in one second`);
    assert.deepEqual(bench.stripe.rateLimitedCalls(), []);
    // Each ended payments while the other was at work: none had to wait for the other's end.
    const cancels = bench.stripe.calls({ endpoint: "payment_intents.cancel" });
    const [ofExpiry, ofCleanup] = [false, true].map((isCleanup) =>
      cancels.filter(({ idempotencyKey }) => idempotencyKey!.endsWith(":cleanup") === isCleanup).map(({ t }) => t)
    );
    assert.ok(ofExpiry![0]! < ofCleanup!.at(-1)! && ofCleanup![0]! < ofExpiry!.at(-1)!);
  }, { paced: true });
});
