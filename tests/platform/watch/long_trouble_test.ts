import assert from "node:assert/strict";
import { type Shop, withShop } from "../../integration/support.ts";

// Problems that stop no run and quarantine no order: each kind raises a specific alert within half an hour and a minute.

// Orders are due for four minutes: Stripe's lists are read up to a minute ago, and no younger order is taken.
const OVERDUE = "overdue:expire-stale-orders";

Deno.test("a locked article raises L008 with that cause, for orders with and without payments", async () => {
  for (const withPayment of [true, false]) {
    await withShop({}, async (shop) => {
      const ref = await shop.placeOrder({ minutesAgo: 36 });
      if (withPayment) await shop.addIntent(ref);
      const locked = await shop.sql.reserve();
      await locked`begin`;
      await locked`select from public.inventory for update`;
      await shop.run();
      const { cause, object } = await alertAfterHalfAnHour(shop, OVERDUE);
      assert.match(object, new RegExp(`^order ${ref}, EUR `));
      assert.match(cause, /lock timeout|not_settled_in_time/);
      await locked`rollback`;
      locked.release();
      await shop.dueNow();
      await shop.run();
      assert.equal((await shop.orderOf(ref)).status, "expired");
    });
  }
});

Deno.test("a locked order row raises L008 with that cause", async () => {
  await withShop({}, async (shop) => {
    const ref = await shop.placeOrder({ minutesAgo: 36 });
    const locked = await shop.sql.reserve();
    await locked`begin`;
    await locked`select from public.orders for update`;
    await shop.run();
    assert.match((await alertAfterHalfAnHour(shop, OVERDUE)).cause, /^order_locked/);
    await locked`rollback`;
    locked.release();
    await shop.dueNow();
    await shop.run();
    assert.equal((await shop.orderOf(ref)).status, "expired");
  });
});

/** What the watch says 31 minutes from now. */
async function alertAfterHalfAnHour({ sql }: Shop, key: string) {
  await sql`update lapse.schedules set active = false where job = 'expire-stale-orders'`;
  await sql`call lapse.watch(now() + interval '31 minutes')`;
  const [alert] = await sql`select * from lapse.alerts where key = ${key} and resolved_at is null`;
  assert.ok(alert, "there is no such alert");
  return alert;
}

// The paragraph "Who notices" of the runbook quotes these figures.

Deno.test("Stripe down for an hour: a warning within one tick, critical after half an hour, closed by the first run after it", async () => {
  await withShop({ unchecked: true }, async (shop) => {
    const { sql } = shop;
    await shop.addIntent(await shop.placeOrder({ minutesAgo: 33 }));
    shop.stripe.addFault({ kind: "error_500" });
    await sql`select lapse.set_ping_url('https://hc-ping.com/uuid')`;
    await shop.run();
    const [ping] = await sql`select state, (select status from lapse.runs where id = run_id) as run from lapse.pings`;
    assert.deepEqual({ ...ping }, { state: "success", run: "partial" });
    assert.deepEqual(await openAlerts(shop, 1), ["list_unread warning"]);
    assert.deepEqual(await openAlerts(shop, 31), ["list_unread critical"], "one incident is one alert");
    const [{ cause }] = await sql`select cause from lapse.alerts where key = 'list_unread'` as [{ cause: string }];
    assert.match(cause, /payment_intents, read to .* UTC: server_error/);
    shop.stripe.clearFaults();
    await shop.dueNow();
    await shop.run();
    assert.deepEqual(await openAlerts(shop, 0), []);
    assert.equal((await sql`select from lapse.orders where status = 'expired'`).length, 1);
  });
});

/** The open alerts as kind and severity, so many minutes from now; while the job is meant to run, and runs on time. */
async function openAlerts({ sql }: Shop, minutes: number): Promise<string[]> {
  await sql`update lapse.schedules set changed_at = now() + make_interval(mins => ${minutes}) where true`;
  await sql`call lapse.watch(now() + make_interval(mins => ${minutes}))`;
  const rows = await sql`select key, severity from lapse.alerts where resolved_at is null order by key`;
  return rows.map(({ key, severity }) => `${key} ${severity}`);
}
