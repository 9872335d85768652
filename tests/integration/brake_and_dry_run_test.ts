import assert from "node:assert/strict";
import { eventually, withShop } from "./support.ts";

Deno.test("the brake stops a run before it changes anything, until it is released with a reason", async () => {
  await withShop({}, async (shop) => {
    const orders = await shop.placeUnpaidOrders(30);
    await shop.sql`update lapse.settings set brake_threshold = 20`;

    const braked = await shop.run();
    assert.equal(braked.status, "braked");
    assert.equal(shop.stripe.mark(), 0);
    assert.equal((await shop.orderOf(orders[0]!)).attempt, 0);
    await shop.run();
    const alerts = await shop.sql`select occurrences, resolved_at from lapse.alerts where key like 'brake:%'`;
    assert.deepEqual(alerts.map((alert) => ({ ...alert })), [{ occurrences: 2, resolved_at: null }]);

    const released = await shop.run({ releaseBrake: true, reason: "the backlog of the outage, checked" });
    assert.equal(released.ordersExpired, orders.length);
    assert.deepEqual(await shop.openAlerts(), []);
  });
});

Deno.test("as many due orders as the brake allows are settled", async () => {
  await withShop({}, async (shop) => {
    await shop.placeUnpaidOrders(20);
    await shop.sql`update lapse.settings set brake_threshold = 20`;
    assert.equal((await shop.run()).ordersExpired, 20);
  });
});

Deno.test("rechecked orders do not count for the brake, however many there are", async () => {
  await withShop({}, async (shop) => {
    for (let n = 0; n < 6; n++) await shop.addIntent(await shop.placeOrder(), { status: "processing" });
    assert.equal((await shop.run()).ordersWaiting, 6);
    await shop.sql`update lapse.settings set brake_threshold = 5`;
    await shop.dueNow();
    await shop.placeUnpaidOrders(5);
    const report = await shop.run();
    assert.deepEqual([report.status, report.ordersWaiting, report.ordersExpired], ["succeeded", 6, 5]);
  });
});

Deno.test("a release covers what was due when it was given; what falls due later brakes again", async () => {
  await withShop({}, async (shop) => {
    await shop.sql`update lapse.settings set brake_threshold = 3`;
    await shop.placeUnpaidOrders(5);
    assert.equal((await shop.run()).status, "braked");
    assert.equal((await shop.run({ releaseBrake: true, reason: "checked" })).ordersExpired, 5);
    await shop.placeUnpaidOrders(5);
    assert.equal((await shop.run()).status, "braked");
  });
});

Deno.test("a dry run says what the real run then does, and changes nothing", async () => {
  await withShop({}, async (shop) => {
    const unpaid = await shop.placeOrder();
    await shop.addIntent(unpaid);
    const empty = await shop.placeOrder();
    const paid = await shop.placeOrder();
    await shop.addIntent(paid, { status: "succeeded" });
    const processing = await shop.placeOrder();
    await shop.addIntent(processing, { status: "processing" });
    const unattached = await shop.placeOrder();
    shop.leaveIntent(unattached, { status: "succeeded" });

    const dry = await shop.run({ dryRun: true });
    assert.equal(dry.status, "succeeded");
    assert.equal(dry.ordersExpired, 0);
    const decided = Object.fromEntries(dry.decisions!.map(({ ref, outcome }) => [ref, outcome]));
    // A dry run does not read Stripe's lists, as nothing of them could be recorded.
    const { [unattached]: _, ...known } = decided;
    assert.deepEqual(known, { [unpaid]: "expired", [empty]: "expired", [paid]: "paid", [processing]: "waiting" });
    const counted = dry.summary!.map(({ outcome, orders }) => [outcome, orders] as const);
    assert.equal(counted.reduce((sum, [, orders]) => sum + orders, 0), 5);
    assert.equal(shop.stripe.countCalls({ endpoint: "payment_intents.cancel" }), 0);
    const [row] = await shop.sql`
      select count(*) filter (where status = 'pending' and attempt = 0 and looks = 0)::int as untouched,
        (select count(*)::int from lapse.decisions) as decisions,
        (select runs_total::int from lapse.metrics where job = 'expire-stale-orders') as runs
      from lapse.orders`;
    assert.deepEqual({ ...row }, { untouched: 5, decisions: 0, runs: 0 });

    const real = await shop.run();
    assert.deepEqual([real.ordersExpired, real.ordersPaid, real.ordersWaiting], [2, 2, 1]);
  });
});

Deno.test("a run decides at most as many orders as its limit, oldest first", async () => {
  await withShop({}, async (shop) => {
    const orders = await shop.placeUnpaidOrders(12);
    await shop.placeOrder({ minutesAgo: 45 });
    const report = await shop.run({ limit: 5 });
    assert.equal(report.ordersExpired, 5);
    const rows = await shop.sql<{ ref: string }[]>`select ref from lapse.orders where status = 'expired'`;
    const expired = new Set(rows.map(({ ref }) => ref));
    assert.equal(orders.filter((id) => expired.has(id)).length, 4, "the order without a payment is one of the five");
    assert.ok(orders.slice(0, 4).every((id) => expired.has(id)));
  });
});

Deno.test("a run that is out of time hands back the remaining orders, and its continuation finishes them", async () => {
  // No ticks: a scheduled run would come between at every fifth minute.
  const workers = { cron: { pollMs: 0 } };
  await withShop({ workers, simulator: { preset: "unlimited", latencyMs: 100 } }, async (shop) => {
    await shop.sql`
      update lapse.settings set run_seconds = 5, claim_seconds = 1, claim_batch = 10, payments_per_second_test = 10`;
    const orders = await shop.placeUnpaidOrders(45);
    const first = await shop.run({ releaseBrake: true, reason: "continuation" });
    assert.equal(first.status, "partial");
    assert.ok(first.ordersExpired < orders.length);
    await eventually(
      async () => {
        const [row] = await shop.sql`select count(*)::int as n from lapse.orders where status = 'expired'`;
        return row!.n === orders.length;
      },
      "continuations finish the work",
      40,
    );
    const [own] = await shop.sql`select brake_released_at from lapse.runs where id = ${first.runId}`;
    const [next] = await shop.sql`select trigger, brake_released_at from lapse.runs where continues = ${first.runId}`;
    assert.equal(next!.trigger, "continuation");
    assert.deepEqual(next!.brake_released_at, own!.brake_released_at);
    const [charged] = await shop.sql`select count(*)::int as n from lapse.orders where failures > 0`;
    assert.equal(charged!.n, 0, "an order was charged with it");
    await eventually(async () => {
      const [row] = await shop.sql`select count(*)::int as n from lapse.runs where finished_at is null`;
      return row!.n === 0;
    }, "every run has ended");
  });
});

Deno.test("a run ends after its share of orders, and hands over", async () => {
  await withShop({}, async (shop) => {
    await shop.sql`update lapse.settings set run_orders = 20, claim_batch = 10`;
    await shop.placeUnpaidOrders(45);
    const report = await shop.run();
    assert.deepEqual([report.status, report.ordersExpired], ["partial", 20]);
    const [next] = await shop.sql`select status, trigger, continues from lapse.runs where continues is not null`;
    assert.deepEqual({ ...next }, { status: "queued", trigger: "continuation", continues: report.runId });
  });
});

Deno.test("pausing a job also stops its continuations", async () => {
  await withShop({}, async (shop) => {
    await shop.sql`update lapse.settings set run_orders = 10, claim_batch = 10`;
    await shop.sql`update lapse.schedules set active = false where job = 'expire-stale-orders'`;
    await shop.placeUnpaidOrders(25);
    await shop.run();
    assert.equal((await shop.sql`select from lapse.runs where continues is not null`).length, 0);
    await shop.sql`update lapse.schedules set active = true where job = 'expire-stale-orders'`;
    await shop.run();
    assert.equal((await shop.sql`select from lapse.runs where continues is not null`).length, 1);
  });
});

Deno.test("settings that let a run outlive its claims are refused", async () => {
  await withShop({}, async ({ sql }) => {
    await assert.rejects(sql`update lapse.settings set run_seconds = 120`, /run_fits_lease/);
    await sql`update lapse.settings set run_seconds = 290, lease = '5 minutes'`;
  });
});
