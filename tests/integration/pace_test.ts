import assert from "node:assert/strict";
import { eventually, withShop } from "./support.ts";

Deno.test("with Stripe's own limits no call is refused, and the pace holds in every second", async () => {
  await withShop({ paced: true, simulator: { preset: "sandbox", latencyMs: [20, 80] } }, async (shop) => {
    const orders = await shop.placeUnpaidOrders(40);
    const report = await shop.run();
    assert.equal(report.ordersExpired, orders.length);
    assert.equal(report.stripeThrottled, 0);
  });
});

Deno.test("a payment costs one read and one cancel, one right after the other", async () => {
  await withShop({}, async (shop) => {
    const orders = await shop.placeUnpaidOrders(30);
    await shop.run();
    const calls = shop.stripe.calls().filter(({ endpoint }) => !endpoint.endsWith(".list"));
    assert.equal(calls.length, 2 * orders.length);
    for (const { objectId, endpoint, seq } of calls) {
      if (endpoint !== "payment_intents.cancel") continue;
      const read = calls.find((it) => it.objectId === objectId && it.endpoint === "payment_intents.retrieve")!;
      assert.ok(read.seq < seq && read.status === 200);
    }
  });
});

Deno.test("refused for rate, the run slows down, records it, and still decides every order", async () => {
  await withShop({ simulator: { preset: "sandbox" } }, async (shop) => {
    shop.stripe.setLimits({ endpointPerSecond: 20, globalPerSecond: 30 });
    const orders = await shop.placeUnpaidOrders(60);
    const report = await shop.run();
    assert.ok(report.stripeThrottled > 0);
    const [row] = await shop
      .sql`select count(*)::int as n from lapse.orders where status = 'quarantined' or failures > 0`;
    assert.equal(row!.n, 0, "an order was blamed for the rate limit");
    for (let ticks = 0; ticks < 3; ticks++) {
      await shop.dueNow();
      await shop.run();
    }
    assert.equal((await shop.sql`select from lapse.orders where status = 'expired'`).length, orders.length);
  });
});

Deno.test("orders that the run cannot reach in time are handed back untouched, and the run ends in time", async () => {
  await withShop({}, async (shop) => {
    await shop.sql`update lapse.settings set claim_seconds = 4, run_seconds = 5, payments_per_second_test = 2`;
    const orders = await shop.placeUnpaidOrders(60);
    const report = await shop.run();
    assert.equal(report.status, "partial");
    // At this pace all of them would take half a minute.
    assert.ok(report.durationMs! < 15_000, `the run took ${report.durationMs} ms`);
    const [row] = await shop.sql`
      select count(*)::int as n from lapse.orders where status = 'pending' and failures = 0 and looks = 0`;
    assert.equal(row!.n, orders.length - report.ordersExpired, "an order was charged with it");
  });
});

Deno.test("both jobs at once stay within one pace, and neither starves", async () => {
  await withShop({ paced: true }, async (shop) => {
    const closed = await shop.placeUnpaidOrders(16);
    // The shop closes these itself, and their payments stay open.
    for (const id of closed) await shop.close(id, "paid");
    const due = await shop.placeUnpaidOrders(10);
    await shop.dueNow();
    const cleaning = shop.run({}, "cleanup-stale-payment-intents");
    await eventually(async () => {
      const claimed = await shop.sql`select from lapse.orders where run_id is not null and next_check_at > now()`;
      return claimed.length > 0;
    }, "the clean-up has taken the closed ones");
    const [expiry, cleanup] = await Promise.all([shop.run(), cleaning]);
    assert.deepEqual([expiry.error, cleanup.error], [null, null]);
    assert.equal(expiry.ordersExpired, due.length);
    assert.equal(expiry.paymentIntentsCanceled + cleanup.paymentIntentsCanceled, closed.length + due.length);
    assert.ok(cleanup.paymentIntentsCanceled > 0);
  });
});
