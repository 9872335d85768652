import assert from "node:assert/strict";
import { withShop } from "./support.ts";

// A run of five seconds, and answers that take 200 ms: no run has the time to ask about all of them.
const PAYMENTS = 40;

Deno.test("an order with more payments than a run has time for is quarantined alone, and expires once they are cancelled", async () => {
  await withShop({}, async (shop) => {
    await shop.sql`update lapse.settings set run_seconds = 5, claim_seconds = 3, max_attempts = 2`;
    const large = await shop.placeOrder({ minutesAgo: 90 });
    const intents = Array.from({ length: PAYMENTS }, () => shop.leaveIntent(large));
    const [other] = await shop.placeUnpaidOrders(1);
    // It reads Stripe's lists, which also takes time, and closes no order.
    await shop.run({}, "cleanup-stale-payment-intents");
    shop.stripe.setLatency({ latencyMs: 200 });

    const first = await shop.run();
    assert.ok(first.stripeCalls < PAYMENTS, "the run had time for all of them");
    assert.equal((await shop.orderOf(other!)).status, "expired");
    const { status, reason, failures, nextCheckAt } = await shop.orderOf(large);
    assert.deepEqual([status, reason, failures], ["pending", "out_of_time", 1]);
    assert.ok(nextCheckAt! > new Date(), "the continuation leaves it alone");

    await shop.dueNow();
    await shop.run();
    assert.equal((await shop.orderOf(large)).reason, "attempts_exhausted");
    assert.equal((await shop.stockOf()).reserved, 2);

    // The runbook's way out. Payments that are dead are remembered, so each run gets further.
    for (const id of intents) await shop.stripe.customer({ id, verb: "cancel_in_dashboard" });
    await shop
      .sql`select public.lapse_redrive_order(p_ref => ${large}, p_reason => 'cancelled', p_requested_by => 'test')`;
    for (let run = 0; run < 3 && (await shop.orderOf(large)).status === "pending"; run++) await shop.run();
    assert.equal((await shop.orderOf(large)).status, "expired");
  });
});
