import assert from "node:assert/strict";
import { type Shop, withShop } from "../../integration/support.ts";

// Trouble that stops no run and quarantines no order: each kind raises an alert that names it within half an hour and the minute of a watch.

const OVERDUE = "overdue:expire-stale-orders";

Deno.test("an article that somebody keeps locked raises L008, which says so, for an order with a payment and without", async () => {
  for (const withPayment of [true, false]) {
    await withShop({}, async (shop) => {
      const ref = await shop.placeOrder({ minutesAgo: 33 });
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

Deno.test("an order whose row somebody keeps locked raises L008, which says so", async () => {
  await withShop({}, async (shop) => {
    const ref = await shop.placeOrder({ minutesAgo: 33 });
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
