import assert from "node:assert/strict";
import { populate } from "./account.ts";
import { withBench } from "./bench.ts";

/** Half of what Stripe allows a sandbox is 12; arrivals bunch up by what the measuring process stalls. Stripe's own limit is 25. */
const CALLS_PER_SECOND = 16;

Deno.test("both jobs at once stay within one call budget, and neither starves", async () => {
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
    // Neither starves: together they are done in the time that their calls need, and six seconds reserved by the other, 70 calls.
    const needed = (bench.stripe.countCalls() + 70) / CALLS_PER_SECOND * 1_000;
    const [ofExpiry, ofCleanup] = [expiry.durationMs!, cleanup.durationMs!];
    assert.ok(Math.max(ofExpiry, ofCleanup) < needed * 1.2, `${ofExpiry} ms and ${ofCleanup} ms, needed ${needed} ms`);
  }, { paced: true });
});
