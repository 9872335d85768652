import assert from "node:assert/strict";
import { eventually, withShop } from "./support.ts";

Deno.test("the scheduler gets its 202 before Stripe has answered once", async () => {
  await withShop({ simulator: { preset: "unlimited", latencyMs: 2_000 } }, async (shop) => {
    await shop.addIntent(await shop.placeOrder());
    await shop.stack.functions.warm("expire-stale-orders");
    const response = await shop.post();
    const { runId } = await response.json();
    assert.equal(response.status, 202);
    assert.equal(shop.stripe.calls().filter(({ status }) => status !== null).length, 0);
    await eventually(async () => {
      const [run] = await shop.sql`select status from lapse.runs where id = ${runId}`;
      return run!.status === "succeeded";
    }, "the run succeeds in the background");
  });
});

Deno.test("the same run id delivered twice, even at once, is one run", async () => {
  await withShop({}, async (shop) => {
    const orders = await shop.placeUnpaidOrders(20);
    const runId = crypto.randomUUID();
    const answers = await Promise.all([1, 2, 3].map(() => shop.post({ runId, wait: true })));
    const bodies = await Promise.all(answers.map((answer) => answer.json()));
    assert.ok(bodies.every((body) => body.runId === runId));
    const later = await shop.post({ runId, wait: true });
    assert.equal((await later.json()).ordersExpired, orders.length);
    const [row] = await shop.sql`
      select (select count(*)::int from lapse.runs) as runs,
        (select count(*)::int from lapse.decisions where subject = 'order') as decisions`;
    assert.deepEqual({ ...row }, { runs: 1, decisions: orders.length });
  });
});

Deno.test("of two runs started at once one works and the other is skipped, and each order is decided once", async () => {
  await withShop({}, async (shop) => {
    const orders = await shop.placeUnpaidOrders(60);
    const runs = await Promise.all([shop.run(), shop.run()]);
    assert.deepEqual(runs.map(({ status }) => status).sort(), ["skipped", "succeeded"]);
    const [row] = await shop.sql`
      select count(*)::int as decisions, count(distinct ref)::int as orders
      from lapse.decisions where subject = 'order'`;
    assert.deepEqual({ ...row }, { decisions: orders.length, orders: orders.length });
  });
});

Deno.test("a run that lost its lease while it asked Stripe settles nothing", async () => {
  await withShop({ simulator: { preset: "unlimited", latencyMs: 400 } }, async (shop) => {
    const orderId = await shop.placeOrder();
    await shop.addIntent(orderId);
    const slow = shop.run();
    await eventually(() => shop.stripe.mark() > 0, "the run asks Stripe");
    await shop.lapseClaims();
    const second = await shop.run();
    const first = await slow;
    assert.equal(second.status, "succeeded");
    assert.equal(first.status, "lost");
    assert.equal(first.ordersExpired, 0);
    assert.equal((await shop.orderOf(orderId)).status, "expired");
  });
});

Deno.test("if the function is killed in the middle of 300 orders, the next run finishes them all", async () => {
  await withShop({ simulator: { preset: "unlimited", latencyMs: 30 } }, async (shop) => {
    const orders = await shop.placeUnpaidOrders(300);
    assert.equal((await shop.post()).status, 202);
    await eventually(
      () => shop.stripe.countCalls({ endpoint: "payment_intents.cancel" }) >= 80,
      "the run is in the middle",
    );
    await shop.stack.functions.kill("expire-stale-orders", "SIGKILL");
    await shop.lapseClaims();

    const report = await shop.run();
    assert.equal(report.status, "succeeded");
    const [row] = await shop.sql`
      select count(*) filter (where status = 'expired')::int as expired,
        (select sum(units_released)::int from lapse.decisions) as released,
        (select count(*)::int from lapse.runs where status = 'lost') as lost
      from lapse.orders`;
    assert.deepEqual({ ...row }, { expired: orders.length, released: orders.length, lost: 1 });
  });
});
