import assert from "node:assert/strict";
import { withBench } from "./bench.ts";

Deno.test("a call budget that cannot be asked fails the clean-up with its reason; no payment is blamed for it", async () => {
  await withBench(async (bench) => {
    for (let n = 0; n < 30; n++) {
      const orderId = await bench.order("pending");
      await bench.attach(orderId, bench.intent(orderId));
      await bench
        .sql`update public.orders set status = 'paid', paid_at = now(), next_check_at = null where id = ${orderId}`;
    }
    await bench.sql`alter table jobs.call_budgets add constraint broken check (rate < 0) not valid`;
    const report = await bench.run();
    assert.deepEqual([report.status, report.stripeCalls], ["failed", 0]);
    assert.match(report.error!, /violates check constraint "broken"/);
    assert.deepEqual(await bench.outcomes(), {});

    await bench.sql`alter table jobs.call_budgets drop constraint broken`;
    assert.equal((await bench.run()).paymentIntentsCanceled, 30);
  });
});
