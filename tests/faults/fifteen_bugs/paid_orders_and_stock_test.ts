// The bugs by which shops lost money or sold stock twice. The numbers are those of the research.

import assert from "node:assert/strict";
import { leaseShorterThanTheRun, ON_HAND } from "../support/bench.ts";
import { nextTick, tick } from "../support/scheduler.ts";
import { act, markPaid, placeOrder, statusOf } from "../support/shop.ts";
import { MINUTE } from "../support/time.ts";
import { onBench, stockOf } from "./bug.ts";

Deno.test(
  "bug 1, paid at Stripe, webhook lost, cron cancels: the order is paid and its stock is sold",
  onBench(async (bench) => {
    const { id } = await placeOrder(bench, { payments: [{ intent: { status: "succeeded" } }] });
    await tick(bench);
    assert.equal(await statusOf(bench, id), "paid");
    assert.deepEqual(await stockOf(bench, "tea"), { on_hand: ON_HAND.tea - 2, reserved: 0 });
  }),
);

Deno.test(
  "bug 2, the customer pays between select and cancel: the compare-and-set fails and no stock moves twice",
  onBench(async (bench) => {
    const { id, payments: [intent] } = await placeOrder(bench, { payments: [{ intent: {} }] });
    const pay = async () => {
      assert.ok(await act(bench, { id: intent!, verb: "confirm_ok" }));
      assert.equal(await markPaid(bench, id, { stripeId: intent! }), "paid");
    };
    // After the claim, which interleavings_test.ts varies over every step.
    let claims = 0;
    await tick(bench, {
      atStep: async (step, take) => {
        const answer = await take();
        if (step.name === "lapse_claim_orders" && claims++ === 0) await pay();
        return answer;
      },
    });
    assert.equal(await statusOf(bench, id), "paid");
    assert.deepEqual(await stockOf(bench, "tea"), { on_hand: ON_HAND.tea - 2, reserved: 0 });
  }),
);

Deno.test(
  "bug 3, money lands after the expiry and nobody hears of it: one alert, however often it is reported",
  onBench(async (bench) => {
    const { id } = await placeOrder(bench, { payments: [{ intent: {} }] });
    await tick(bench);
    assert.equal(await statusOf(bench, id), "expired");
    for (let time = 0; time < 2; time++) {
      assert.equal(
        await markPaid(bench, id, { stripeId: "pi_from_elsewhere" }),
        "late_payment",
      );
    }
    assert.equal(await statusOf(bench, id), "expired");
    const alerts = await bench
      .sql`select severity from lapse.alerts where key = ${`late_payment:${id}`} and resolved_at is null`;
    assert.deepEqual(alerts.map(({ severity }) => severity), ["critical"]);
    assert.deepEqual(await stockOf(bench, "tea"), { on_hand: ON_HAND.tea, reserved: 0 });
  }),
);

for (
  const [kind, how] of [["error_500", "with a 500"], ["hang", "with silence"], ["reset", "in the middle"]] as const
) {
  Deno.test(
    `bug 4, the gateway's cancel fails ${how} and the stock is freed all the same: it stays held until Stripe confirms`,
    onBench(async (bench) => {
      const { id, payments: [intent] } = await placeOrder(bench, { payments: [{ intent: {} }] });
      bench.stripe.addFault({ kind, endpoint: "payment_intents.cancel", objectId: intent! });
      for (let attempt = 1; attempt <= 3; attempt++) {
        await tick(bench, { timeoutMs: 100 });
        assert.equal(await statusOf(bench, id), "pending");
        assert.equal((await stockOf(bench, "tea")).reserved, 2);
        bench.time.advance(20 * MINUTE);
      }
      bench.stripe.clearFaults();
      await tick(bench);
      assert.equal(await statusOf(bench, id), "expired");
      assert.equal((await stockOf(bench, "tea")).reserved, 0);
    }),
  );
}

Deno.test(
  "bug 5, stock is released twice: fifty runs and as many webhooks at once release and sell each unit once",
  onBench(async (bench) => {
    const orders = [];
    for (let n = 0; n < 40; n++) {
      orders.push(
        await placeOrder(bench, { payments: n % 4 === 0 ? [] : [{ intent: {} }] }),
      );
    }
    const runs = Array.from({ length: 50 }, () => bench.run());
    const webhooks = orders.filter((_, n) => n % 4 === 1).map(async ({ id, payments: [intent] }) => {
      if (await act(bench, { id: intent!, verb: "confirm_ok" })) await markPaid(bench, id, { stripeId: intent! });
    });
    await Promise.all([...runs, ...webhooks]);
    await bench.run({ job: "cleanup-stale-payment-intents" });
    await nextTick(bench);
    assert.deepEqual((await stockOf(bench, "tea")).reserved, 0);
    const [row] = await bench.sql`select count(*)::int as n from lapse.orders where status in ('paid', 'expired')`;
    assert.equal(row!.n, 40);
  }),
);

Deno.test(
  "bug 5, stock is released twice: a session that lapsed, a cancel by hand and three settlements of one order give each unit back once",
  onBench(async (bench) => {
    await leaseShorterThanTheRun(bench, "15 seconds");
    const orders = [
      await placeOrder(bench, { payments: [{ session: { status: "open" } }] }),
      await placeOrder(bench, { payments: [{ intent: {} }] }),
      await placeOrder(bench, { payments: [{ session: { status: "open" } }, { intent: {} }] }),
    ];
    // The shop's webhook handles checkout.session.expired: each time it requests a check of the order.
    const sessionExpired = async (orderId: string) => {
      const [row] = await bench.sql<{ id: string }[]>`select lapse.sync_order(
        ${orderId}, 'checkout.session.expired', 'webhook', ${bench.time.now()}) ->> 'runId' as id`;
      return row!.id;
    };
    const met = { cancels: 0, settlements: 0 };
    const slow = await bench.run({
      atStep: async (step, take) => {
        const [method, path] = step.name.split(" ") as [string, string];
        // Right before the job's own call, a person cancels the payment at Stripe.
        if (method === "POST") met.cancels += await bench.byHand(path) === 200 ? 1 : 0;
        if (step.name !== "lapse_settle_orders") return await take();
        bench.time.advance(MINUTE);
        const twice = bench.run({
          atStep: async (step, take) => {
            if (step.name === "lapse_settle_orders") met.settlements += (await take(), 1);
            return await take();
          },
        });
        const synced = orders.map(async ({ id }) => {
          const runId = await sessionExpired(id).catch(() => null);
          if (runId) await bench.run({ run: { runId } });
        });
        await Promise.all([twice, ...synced]);
        return await take();
      },
    });
    assert.deepEqual(met, { cancels: 4, settlements: 1 });
    assert.deepEqual([slow.report!.status, slow.report!.ordersExpired], ["lost", 0]);
    for (const { id } of orders) assert.equal(await statusOf(bench, id), "expired");
    assert.deepEqual(await stockOf(bench, "tea"), { on_hand: ON_HAND.tea, reserved: 0 });
    const [row] = await bench.sql`
      select count(*) filter (where outcome = 'expired')::int as expired, sum(units_released)::int as units from lapse.decisions`;
    assert.deepEqual({ ...row }, { expired: 3, units: 9 });
  }),
);

Deno.test(
  "bug 6, the hold ends while the old order can still be paid: the last unit is sold once",
  onBench(async (bench) => {
    const first = await placeOrder(bench, { payments: [{ intent: {} }], sku: "last" });
    await assert.rejects(placeOrder(bench, { payments: [], sku: "last" }), /only 0 are left/);
    await tick(bench);
    const second = await placeOrder(bench, { payments: [{ intent: {} }], sku: "last", placedMinutesAgo: 1 });
    assert.equal(await act(bench, { id: first.payments[0]!, verb: "confirm_ok" }), false, "the old payment is dead");
    assert.ok(await act(bench, { id: second.payments[0]!, verb: "confirm_ok" }));
    assert.equal(await markPaid(bench, second.id, { stripeId: second.payments[0]! }), "paid");
    assert.equal(await markPaid(bench, first.id, { stripeId: first.payments[0]! }), "late_payment");
    assert.deepEqual(await stockOf(bench, "last"), { on_hand: 0, reserved: 0 });
  }),
);
