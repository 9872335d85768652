import assert from "node:assert/strict";
import { type Shop, withShop } from "./support.ts";

type Trouble = Parameters<Shop["stripe"]["addFault"]>[0];

/** Whatever Stripe answers: the order stays open with its stock, and the next attempt finishes once Stripe is well again. */
function recovers(what: string, trouble: (shop: Shop, intent: string) => Trouble) {
  Deno.test(`${what}: the order keeps its stock, and is closed once, later`, async () => {
    await withShop({}, async (shop) => {
      const orderId = await shop.placeOrder();
      const intent = await shop.addIntent(orderId);
      shop.stripe.addFault(trouble(shop, intent));
      await shop.run();
      const between = await shop.orderOf(orderId);
      if (between.status !== "expired") {
        assert.equal(between.status, "pending");
        assert.equal((await shop.stockOf()).reserved, 2);
        assert.ok(between.nextCheckAt! > new Date());
      }

      shop.stripe.clearFaults();
      await shop.dueNow();
      await shop.run();
      assert.equal((await shop.orderOf(orderId)).status, "expired");
      assert.equal(shop.stripe.paymentIntent({ id: intent }).status, "canceled");
      const [row] = await shop.sql`select sum(units_released)::int as units from lapse.decisions`;
      assert.equal(row!.units, 2);
    });
  });
}

const read = "payment_intents.retrieve";
const cancel = "payment_intents.cancel";
recovers("Stripe answers every read with 500", () => ({ kind: "error_500", endpoint: read }));
recovers("Stripe answers every cancel with 500 and remembers it", () => ({ kind: "error_500", endpoint: cancel }));
recovers("Stripe cancels, but answers 500", () => ({ kind: "error_500", endpoint: cancel, executes: true }));
recovers("a proxy answers 502 in HTML", () => ({ kind: "error_502_html", endpoint: cancel }));
recovers("the connection is reset before Stripe executes", () => ({ kind: "reset", endpoint: cancel }));
recovers("Stripe cancels and resets the connection", () => ({ kind: "execute_then_reset", endpoint: cancel }));
recovers("Stripe cancels and cuts its answer short", () => ({ kind: "execute_then_cut_body", endpoint: cancel }));
recovers("Stripe holds a lock on the intent", () => ({ kind: "lock_timeout", endpoint: cancel }));
recovers(
  "Stripe refuses every call for its rate",
  () => ({ kind: "rate_limited", reason: "endpoint-rate", endpoint: read }),
);
recovers("Stripe's answer lacks the status", () => ({ kind: "missing_field", field: "status", endpoint: read }));

/** Whatever Stripe says here, a person has to look: nothing is cancelled, nothing is released. */
function quarantines(what: string, spec: Parameters<Shop["addIntent"]>[1], reason: string) {
  Deno.test(`${what}: the order is quarantined as ${reason}, with its stock`, async () => {
    await withShop({}, async (shop) => {
      const orderId = await shop.placeOrder();
      const intent = await shop.addIntent(orderId, spec);
      const report = await shop.run();
      assert.equal(report.ordersQuarantined, 1);
      const { status, reason: said } = await shop.orderOf(orderId);
      assert.deepEqual([status, said], ["quarantined", reason]);
      assert.equal(shop.stripe.countCalls({ endpoint: cancel }), 0);
      assert.notEqual(shop.stripe.paymentIntents({ id: intent })[0]?.status, "canceled");
    });
  });
}
quarantines("the intent belongs to another order", { metadata: { order_id: crypto.randomUUID() } }, "foreign_payment");
quarantines("the intent is a live one and the key a test one", { livemode: true }, "payment_not_found");
quarantines("Stripe reports a status that nobody knows", { status: "thinking" }, "unknown_status");
quarantines("less was paid than the order costs", { status: "succeeded", amount: 1500 }, "amount_mismatch");

Deno.test("a quarantined order never blocks the orders behind it, and continues when it is redriven", async () => {
  await withShop({}, async (shop) => {
    const odd = await shop.placeOrder({ minutesAgo: 90 });
    const intent = await shop.addIntent(odd);
    shop.stripe.addFault({ kind: "unknown_status", objectId: intent });
    const others = await shop.placeUnpaidOrders(5);
    assert.equal((await shop.run()).ordersExpired, others.length);

    shop.stripe.clearFaults();
    assert.equal((await shop.run()).ordersExpired, 0, "nobody looks at it by itself");
    await shop
      .sql`select public.lapse_redrive_order(p_ref => ${odd}, p_reason => 'looked at it', p_requested_by => 'test')`;
    assert.equal((await shop.run()).ordersExpired, 1);
  });
});

Deno.test("a poisoned order backs off longer each time and is quarantined after its last attempt", async () => {
  await withShop({}, async (shop) => {
    await shop.sql`update lapse.settings set max_attempts = 3`;
    const orderId = await shop.placeOrder();
    shop.stripe.addFault({ kind: "error_500", objectId: await shop.addIntent(orderId) });
    const waits: number[] = [];
    for (const failures of [1, 2]) {
      await shop.run();
      const order = await shop.orderOf(orderId);
      assert.deepEqual([order.status, order.failures], ["pending", failures]);
      waits.push(order.nextCheckAt!.getTime() - Date.now());
      await shop.dueNow();
    }
    assert.ok(waits[0]! >= 40_000 && waits[1]! > waits[0]!, `waited ${waits} ms`);
    await shop.run();
    const { status, reason } = await shop.orderOf(orderId);
    assert.deepEqual([status, reason], ["quarantined", "attempts_exhausted"]);
  });
});

for (
  const [what, forbid] of [
    ["revoked", (shop: Shop) => shop.stripe.revokeKey({ key: "sk_test_local" })],
    ["without permission", (shop: Shop) => shop.stripe.forbidKey({ key: "sk_test_local" })],
  ] as const
) {
  Deno.test(`a key that is ${what} stops the whole run, and no order's attempt counts as failed`, async () => {
    await withShop({}, async (shop) => {
      const orders = await shop.placeUnpaidOrders(120);
      forbid(shop);
      const report = await shop.run();
      assert.equal(report.status, "failed");
      assert.match(report.error!, /key_rejected|permission_denied/);
      assert.ok(report.stripeCalls < orders.length);
      const [row] = await shop.sql`
        select count(*)::int as n from lapse.orders where status = 'pending' and failures = 0 and next_check_at <= now()`;
      assert.equal(row!.n, orders.length);

      shop.stripe.restoreKey({ key: "sk_test_local" });
      assert.equal((await shop.run()).ordersExpired, orders.length);
    });
  });
}

Deno.test("while Stripe refuses for concurrency, orders wait without failed attempts, and the watch alerts after the second run", async () => {
  await withShop({}, async (shop) => {
    const orders = await shop.placeUnpaidOrders(5);
    shop.stripe.addFault({ kind: "rate_limited", reason: "endpoint-concurrency", endpoint: read });
    const alerts: string[][] = [];
    for (let run = 0; run < 2; run++) {
      const report = await shop.run();
      assert.ok(report.stripeThrottled > 0);
      await shop.sql`call lapse.watch()`;
      alerts.push(await shop.openAlerts());
      await shop.dueNow();
    }
    assert.deepEqual(alerts, [[], ["warning throttled"]]);
    const [row] = await shop.sql`
      select count(*)::int as n from lapse.orders where status = 'pending' and failures = 0`;
    assert.equal(row!.n, orders.length);
    shop.stripe.clearFaults();
    assert.equal((await shop.run()).ordersExpired, orders.length);
  });
});

Deno.test("when Stripe knows none of many payments, the key is of another account: the run stops and quarantines nothing", async () => {
  await withShop({}, async (shop) => {
    const orders = await shop.placeUnpaidOrders(40);
    shop.stripe.setKeyAccount({ key: "sk_test_local", account: "acct_other" });
    const report = await shop.run();
    assert.equal(report.status, "failed");
    assert.match(report.error!, /too_many_not_found/);
    const [row] = await shop.sql`select count(*)::int as n from lapse.orders where status = 'pending'`;
    assert.equal(row!.n, orders.length);
  });
});

Deno.test("orders whose payments do not exist at Stripe delay the others for a few ticks only", async () => {
  await withShop({}, async (shop) => {
    await shop.sql`update lapse.settings set claim_batch = 15`;
    const gone: string[] = [];
    for (let n = 0; n < 70; n++) {
      const id = await shop.placeOrder();
      await shop.addIntent(id, { livemode: true });
      gone.push(id);
    }
    const good: string[] = [];
    for (let n = 0; n < 5; n++) {
      const id = await shop.placeOrder({ minutesAgo: 45 });
      await shop.addIntent(id);
      good.push(id);
    }
    const stops: (string | null)[] = [];
    for (let tick = 0; tick < 8; tick++) stops.push((await shop.run()).error);
    assert.match(stops[0]!, /too_many_not_found/);
    assert.equal(stops.at(-1), null);
    const statuses = (ids: string[]) =>
      shop.sql`select status, count(*)::int as n from lapse.orders where ref = any (${ids}) group by status`;
    assert.deepEqual((await statuses(good)).map(({ status, n }) => [status, n]), [["expired", good.length]]);
    assert.deepEqual((await statuses(gone)).map(({ status, n }) => [status, n]), [["quarantined", gone.length]]);
  });
});
