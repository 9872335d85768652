// The bugs by which the job stood still or worked twice. The numbers are those of the research.

import assert from "node:assert/strict";
import { leaseShorterThanTheRun } from "../support/bench.ts";
import { dieBefore } from "../support/fates.ts";
import { tick, tickUntilQuiet, watch } from "../support/scheduler.ts";
import { placeOrder, statusOf } from "../support/shop.ts";
import { HOUR, MINUTE } from "../support/time.ts";
import { onBench, openAlerts } from "./bug.ts";

Deno.test(
  "bug 9, a poison order loops for ever or takes its batch along: the others go on, and it is set aside",
  onBench(async (bench) => {
    const poison = [];
    for (let n = 0; n < 100; n++) {
      poison.push(
        await placeOrder(bench, { payments: [{ intent: {} }], placedMinutesAgo: 90 }),
      );
    }
    const good = await placeOrder(bench, { payments: [{ intent: {} }] });
    for (const { payments: [intent] } of poison) {
      bench.stripe.addFault({ kind: "error_503", endpoint: "payment_intents.cancel", objectId: intent! });
    }
    await bench.sql`update jobs.settings set max_attempts = 3, backoff_max = interval '2 minutes'`;
    await tick(bench);
    assert.equal(await statusOf(bench, good.id), "expired");
    const backedOff = await bench
      .sql`select status, failures from public.orders where id <> ${good.id} and next_check_at > ${bench.time.now()}`;
    assert.deepEqual([backedOff.length, ...new Set(backedOff.map(({ status, failures }) => `${status} ${failures}`))], [
      100,
      "pending 1",
    ]);
    await tickUntilQuiet(bench, { withinMs: HOUR, most: 300 });
    const [row] = await bench.sql`select count(*)::int as n from public.orders where status = 'quarantined'`;
    assert.equal(row!.n, 100);
  }),
);

Deno.test(
  "bug 10, the scheduler dies without a word: an alert within the watch's patience, although each tick succeeded",
  onBench(async (bench) => {
    await bench.sql`update jobs.schedules set changed_at = ${bench.time.now()}`;
    await tick(bench);
    assert.deepEqual(await openAlerts(bench, "no_success:expire-stale-orders"), []);
    // Every tick queues its request, and none of them ever arrives.
    for (let minutes = 0; minutes < 25; minutes++) {
      bench.time.advance(MINUTE);
      if (minutes % 5 === 0) await tick(bench, { delivery: () => "never" });
      await watch(bench);
    }
    assert.deepEqual(await openAlerts(bench, "no_success:expire-stale-orders"), ["critical"]);
    const lost = await bench.sql`select distinct status from public.job_runs where created_at < ${new Date(
      bench.time.now().getTime() - 5 * MINUTE,
    )}`;
    assert.deepEqual(lost.map(({ status }) => status).sort(), ["lost", "succeeded"]);
    await tick(bench);
    bench.time.advance(5 * MINUTE);
    await watch(bench);
    assert.deepEqual(await openAlerts(bench, "no_success:expire-stale-orders"), []);
  }),
);

Deno.test(
  "bug 11, the lease ends while the work goes on: the second owner decides, the first one is fenced off",
  onBench(async (bench) => {
    await leaseShorterThanTheRun(bench, "15 seconds");
    const { id } = await placeOrder(bench, { payments: [{ intent: {} }] });
    const slow = await bench.run({
      atStep: async (step, take) => {
        if (step.name !== "jobs_settle_orders") return await take();
        bench.time.advance(MINUTE);
        await bench.run();
        assert.equal(await statusOf(bench, id), "expired");
        return await take();
      },
    });
    assert.deepEqual([slow.report!.status, slow.report!.paymentsExpired], ["lost", 0]);
    await placeOrder(bench, { payments: [{ intent: {} }] });
    await bench.run({ atStep: dieBefore(4) });
    assert.equal((await bench.run()).report!.status, "skipped", "as long as the dead one's lease lasts");
    bench.time.advance(MINUTE);
    assert.equal((await bench.run()).report!.status, "succeeded");
  }),
);
