import assert from "node:assert/strict";
import { withShop } from "../integration/support.ts";

Deno.test("a run logs its beginning, what Stripe slowed down and its end, as JSON, without a secret", async () => {
  const lines: string[] = [];
  await withShop({ onFunctionLog: ({ line }) => lines.push(line), users: true }, async (shop) => {
    await shop.placeUnpaidOrders(150);
    await shop.placeOrder();
    shop.stripe.addFault({
      kind: "rate_limited",
      reason: "endpoint-rate",
      endpoint: "payment_intents.cancel",
      times: 2,
    });
    const report = await shop.run();
    assert.equal(report.ordersExpired, 151);

    const events = lines.map((line) => JSON.parse(line));
    const names = new Set(events.map(({ event }) => event));
    for (const name of ["run_started", "throttled", "run_finished"]) {
      assert.ok(names.has(name), `${name} is not in ${[...names].join(", ")}`);
    }
    assert.ok(events.every(({ run_id }) => run_id === report.runId));
    const closed = events.at(-1);
    assert.deepEqual([closed.event, closed.status, closed.orders_expired], ["run_finished", "succeeded", 151]);
    assert.ok(closed.duration_ms >= 0);
    assert.ok(lines.length < 80, `${lines.length} lines for 151 orders`);
    for (const secret of [shop.stack.secretKey, shop.stack.schedulerSecret, "sk_test_local", "@lapse.test"]) {
      assert.ok(!lines.some((line) => line.includes(secret)), `${secret} is in the log`);
    }
  });
});
