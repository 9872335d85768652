import assert from "node:assert/strict";
import { withShop } from "./support.ts";

Deno.test("an idle tick makes no call to Stripe, also with orders that are not due", async () => {
  await withShop({}, async (shop) => {
    await shop.addIntent(await shop.placeOrder({ minutesAgo: 1 }));
    const report = await shop.run();
    assert.deepEqual([report.status, report.stripeCalls, shop.stripe.mark()], ["succeeded", 0, 0]);
  });
});

Deno.test("with Stripe's own limits no call is refused, and the budget holds in every second", async () => {
  await withShop({ paced: true, simulator: { preset: "sandbox", latencyMs: [20, 80] } }, async (shop) => {
    const orders = await shop.placeUnpaidOrders(40);
    const report = await shop.run();
    assert.equal(report.paymentsExpired, orders.length);
    assert.equal(report.stripeThrottled, 0);
  });
});

Deno.test("refused for rate, the run slows down, records it, and still decides every order", async () => {
  await withShop({ simulator: { preset: "sandbox" } }, async (shop) => {
    shop.stripe.setLimits({ endpointPerSecond: 30, globalPerSecond: 30 });
    const orders = await shop.placeUnpaidOrders(60);
    const report = await shop.run();
    assert.ok(report.stripeThrottled > 0);
    const [row] = await shop
      .sql`select count(*)::int as n from public.orders where status = 'quarantined' or failures > 0`;
    assert.equal(row!.n, 0, "an order was blamed for the rate limit");
    await shop.sql`update public.orders set next_check_at = now() where status = 'pending'`;
    await shop.run();
    assert.equal(orders.length, (await shop.sql`select from public.orders where status = 'expired'`).length);
  });
});

Deno.test("orders whose slots lie after the run's end are handed back untouched, and the run ends in time", async () => {
  await withShop({}, async (shop) => {
    await shop.sql`update jobs.settings set claim_seconds = 4, run_seconds = 5`;
    // Two calls a second, as after many refusals for rate.
    await shop.sql`
      insert into jobs.call_budgets (livemode, endpoint, rate, rate_at) values (false, 'payment_intents.cancel', 2, now())`;
    const orders = await shop.placeUnpaidOrders(60);
    const report = await shop.run();
    assert.equal(report.status, "partial");
    assert.ok(report.durationMs! < 6_000, `the run took ${report.durationMs} ms`);
    const [row] = await shop.sql`
      select count(*)::int as n from public.orders where status = 'pending' and failures = 0 and next_check_at <= now()`;
    assert.equal(row!.n, orders.length - report.paymentsExpired, "an order was charged with it");
  });
});

Deno.test("orders whose intents were created close together cost one call each, and a page for many of them", async () => {
  await withShop({}, async (shop) => {
    const orders = await shop.placeUnpaidOrders(100);
    const report = await shop.run();
    assert.equal(report.paymentsExpired, orders.length);
    assert.equal(shop.stripe.countCalls({ endpoint: "payment_intents.retrieve" }), 0);
    assert.ok(report.stripeCalls <= orders.length * 1.05, `${report.stripeCalls} calls for ${orders.length} orders`);
  });
});
