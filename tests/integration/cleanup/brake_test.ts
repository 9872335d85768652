import assert from "node:assert/strict";
import { populate } from "./account.ts";
import { assertCleanedUp } from "./assert-cleaned-up.ts";
import { type Bench, withBench } from "./bench.ts";

Deno.test("a sweep that would end more payments than the brake allows stops, waits for an operator, and then goes on", async () => {
  await withBench(async (bench) => {
    const expected = await populate(bench, { payments: 900, oldest: 25, youngest: 8 });
    await bench.sql`update jobs.settings set brake_threshold = 100`;
    const first = await bench.run();
    assert.equal(first.status, "braked");
    assert.ok(first.paymentIntentsCanceled > 0 && first.paymentIntentsCanceled <= 100);
    assert.equal(await openBrakes(bench), 1);

    // Not the next week either, and the watch sees its cause still there.
    bench.advanceDays(7);
    const mark = bench.stripe.mark();
    assert.equal((await bench.run()).status, "braked");
    assert.equal(bench.stripe.countCalls({ since: mark }), 0);
    const still = await bench.sql`select from jobs.check_brake(${bench.now()})`;
    assert.equal(still.length, 1);

    const released = { releaseBrake: true, reason: "first sweep over the old account, the dry run was checked" };
    await bench.runToTheEnd(released);
    assert.equal(await openBrakes(bench), 0);
    await assertCleanedUp(bench, expected);

    // From here on it counts anew.
    bench.advanceDays(7);
    assert.equal((await bench.run()).status, "succeeded");
  });
});

Deno.test("more known payments than the brake allows: the run touches nothing", async () => {
  await withBench(async (bench) => {
    await bench.sql`update jobs.settings set brake_threshold = 3`;
    const order = await bench.order("paid");
    for (let n = 0; n < 4; n++) await bench.attach(order, bench.intent(order));
    assert.equal((await bench.run()).status, "braked");
    assert.equal(bench.stripe.mark(), 0);

    await bench.sql`update jobs.settings set brake_threshold = 4`;
    const report = await bench.run();
    assert.deepEqual([report.status, report.paymentIntentsCanceled], ["succeeded", 4]);
  });
});

Deno.test("continuations share the brake of their first run", async () => {
  await withBench(async (bench) => {
    await populate(bench, { payments: 900, oldest: 25, youngest: 8 });
    await bench.sql`update jobs.settings set brake_threshold = 100, claim_seconds = 1, run_seconds = 5`;
    bench.stripe.setLatency({ latencyMs: 60 });
    let canceled = 0;
    for (let run = 0; run < 20; run++) {
      const report = await bench.run();
      canceled += report.paymentIntentsCanceled;
      if (report.status === "braked") break;
      assert.equal(report.status, "partial");
    }
    assert.ok(canceled <= 100, `${canceled} payments were ended`);
  });
});

async function openBrakes({ sql }: Bench): Promise<number> {
  return (await sql`select from public.job_alerts where key like 'brake:%' and resolved_at is null`).length;
}
