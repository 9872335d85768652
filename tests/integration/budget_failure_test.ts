import assert from "node:assert/strict";
import { withShop } from "./support.ts";

Deno.test("a call budget that cannot be asked fails the run with its reason and an alert; no order is blamed for it", async () => {
  await withShop({}, async (shop) => {
    // Close together and read in pages, and one that lies alone: both ways of reading end the same.
    const orders = [...await shop.placeUnpaidOrders(120), await shop.placeOrder({ minutesAgo: 90 })];
    await shop.addIntent(orders.at(-1)!);
    const revoke = "function public.jobs_reserve_calls(boolean, text, integer, timestamptz)";
    await shop.sql.unsafe(`revoke execute on ${revoke} from service_role`);
    const report = await shop.run();
    assert.deepEqual([report.status, report.stripeCalls], ["failed", 0]);
    assert.match(report.error!, /jobs_reserve_calls.*permission denied/);
    const [alert] = await shop.sql`select severity from public.job_alerts where key = 'run_failed:expire-stale-orders'`;
    assert.equal(alert!.severity, "critical");
    const [row] = await shop.sql`
      select count(*)::int as n from public.orders where status = 'pending' and failures = 0 and next_check_at <= now()`;
    assert.equal(row!.n, orders.length, "an order was charged with it");

    await shop.sql.unsafe(`grant execute on ${revoke} to service_role`);
    assert.equal((await shop.run()).paymentsExpired, orders.length);
  });
});
