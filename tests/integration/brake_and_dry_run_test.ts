import assert from "node:assert/strict";
import { withShop } from "./support.ts";

Deno.test("the brake stops a run before it touches anything, until it is released with a reason", async () => {
  await withShop({}, async (shop) => {
    const orders = await shop.placeUnpaidOrders(30);
    await shop.sql`update jobs.settings set brake_threshold = 20`;

    const braked = await shop.run();
    assert.equal(braked.status, "braked");
    assert.equal(shop.stripe.mark(), 0);
    assert.equal((await shop.orderOf(orders[0]!)).attempt, 0);
    await shop.run();
    const alerts = await shop.sql`select occurrences, resolved_at from public.job_alerts where key like 'brake:%'`;
    assert.deepEqual(alerts.map((alert) => ({ ...alert })), [{ occurrences: 2, resolved_at: null }]);

    const released = await shop.run({ releaseBrake: true, reason: "the backlog of the outage, checked" });
    assert.equal(released.paymentsExpired, orders.length);
    const [alert] = await shop.sql`select resolved_at is not null as resolved from public.job_alerts`;
    assert.equal(alert!.resolved, true);
  });
});

Deno.test("exactly as many due orders as the brake allows are worked off", async () => {
  await withShop({}, async (shop) => {
    await shop.placeUnpaidOrders(20);
    await shop.sql`update jobs.settings set brake_threshold = 20`;
    assert.equal((await shop.run()).paymentsExpired, 20);
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

    const dry = await shop.run({ dryRun: true });
    assert.equal(dry.status, "succeeded");
    assert.equal(dry.paymentsExpired, 0);
    const decided = Object.fromEntries(dry.decisions!.map(({ orderId, outcome }) => [orderId, outcome]));
    assert.deepEqual(decided, { [unpaid]: "expired", [empty]: "expired", [paid]: "paid", [processing]: "waiting" });
    assert.equal(shop.stripe.countCalls({ endpoint: "payment_intents.cancel" }), 0);
    const [row] = await shop.sql`
      select count(*) filter (where status = 'pending' and attempt = 0)::int as untouched,
        (select count(*)::int from public.job_decisions) as decisions,
        (select runs_total::int from public.job_metrics where job = 'expire-stale-orders') as runs
      from public.orders`;
    assert.deepEqual({ ...row }, { untouched: 4, decisions: 0, runs: 0 });

    const real = await shop.run();
    assert.deepEqual([real.paymentsExpired, real.ordersPaid, real.ordersWaiting], [2, 1, 1]);
  });
});

Deno.test("a limit is the most orders that one run decides, oldest first", async () => {
  await withShop({}, async (shop) => {
    const orders = await shop.placeUnpaidOrders(12);
    await shop.placeOrder({ minutesAgo: 45 });
    const report = await shop.run({ limit: 5 });
    assert.equal(report.paymentsExpired, 5);
    const rows = await shop.sql<{ id: string }[]>`select id from public.orders where status = 'expired'`;
    const expired = new Set(rows.map(({ id }) => id));
    assert.equal(orders.filter((id) => expired.has(id)).length, 4, "the order without a payment is one of the five");
    assert.ok(orders.slice(0, 4).every((id) => expired.has(id)));
  });
});

Deno.test("a run out of time hands back what it did not touch, and its continuation finishes", async () => {
  await withShop({ workers: {}, simulator: { preset: "unlimited", latencyMs: 100 } }, async (shop) => {
    await shop.sql`
      update jobs.settings set run_seconds = 5, claim_seconds = 1, claim_batch = 10, stripe_endpoint_rate = 10`;
    const orders = await shop.placeUnpaidOrders(45);
    const first = await shop.run({ releaseBrake: true, reason: "continuation" });
    assert.equal(first.status, "partial");
    assert.ok(first.paymentsExpired < orders.length);
    const { eventually } = await import("./support.ts");
    await eventually(
      async () => {
        const [row] = await shop.sql`select count(*)::int as n from public.orders where status = 'expired'`;
        return row!.n === orders.length;
      },
      "continuations finish the work",
      40,
    );
    const runs = await shop
      .sql`select trigger, continues is not null as continues, brake_released from public.job_runs order by created_at`;
    assert.deepEqual({ ...runs[1] }, { trigger: "continuation", continues: true, brake_released: true });
    await eventually(async () => {
      const [row] = await shop.sql`select count(*)::int as n from public.job_runs where finished_at is null`;
      return row!.n === 0;
    }, "every run has ended");
  });
});

Deno.test("a continuation gets what is left of the limit, not the whole limit again", async () => {
  await withShop({ unchecked: true }, async (shop) => {
    // Its counters are made up; the oracle would not like them.
    const [row] = await shop.sql`
      insert into public.job_runs (job, status, trigger, item_limit, payments_expired, orders_waiting, finished_at)
      values ('expire-stale-orders', 'partial', 'operator', 30, 10, 5, now())
      returning id`;
    await shop.sql`select public.jobs_continue_run(p_run_id => ${row!.id})`;
    const [made] = await shop.sql`select item_limit from public.job_runs where continues = ${row!.id}`;
    assert.equal(made!.item_limit, 15);
  });
});

Deno.test("pausing a job also stops what goes on by itself", async () => {
  await withShop({ unchecked: true }, async (shop) => {
    const [row] = await shop.sql`
      insert into public.job_runs (job, status, trigger, finished_at) values ('expire-stale-orders', 'partial', 'schedule', now())
      returning id`;
    const goOn = () => shop.sql`select public.jobs_continue_run(p_run_id => ${row!.id}) as next`;
    await shop.sql`update jobs.schedules set active = false where job = 'expire-stale-orders'`;
    assert.equal((await goOn())[0]!.next, null);
    await shop.sql`update jobs.schedules set active = true where job = 'expire-stale-orders'`;
    assert.notEqual((await goOn())[0]!.next, null);
  });
});

Deno.test("a run that would outlive its claims cannot be set", async () => {
  await withShop({}, async ({ sql }) => {
    await assert.rejects(sql`update jobs.settings set run_seconds = 120`, /run_fits_lease/);
    await sql`update jobs.settings set run_seconds = 290, lease = '5 minutes'`;
  });
});
