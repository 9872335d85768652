import assert from "node:assert/strict";
import { assertQuiet } from "../oracle/quiet.ts";
import { type Bench, ON_HAND, useBenches, withBench } from "./support/bench.ts";
import { nextTick, tick } from "./support/scheduler.ts";
import { placeOrder, statusOf } from "./support/shop.ts";
import { DAY, MINUTE } from "./support/time.ts";

useBenches();

Deno.test("slots that a clock set back has left a week ahead hold no run up", async () => {
  await withBench(async (bench) => {
    const { id } = await placeOrder(bench, { payments: [{ intent: {} }] });
    await reserveAhead(bench, 7 * DAY);
    await tick(bench);
    assert.equal(await statusOf(bench, id), "expired");
    await assertQuiet({ sql: bench.sql, stripe: bench.stripe, onHand: ON_HAND });
  });
});

Deno.test("a lease that a clock set back has left a day ahead holds no run up", async () => {
  await withBench(async (bench) => {
    const { id } = await placeOrder(bench, { payments: [{ intent: {} }] });
    await tick(bench, { atStep: (step, take, { die }) => step.name === "jobs_claim_orders" ? die() : take() });
    await bench.sql`
      update jobs.leases set lease_until = ${new Date(bench.time.now().getTime() + DAY)} where run_id is not null`;
    const [outcome] = await tick(bench);
    assert.equal(outcome!.report?.status, "succeeded");
    assert.equal(await statusOf(bench, id), "expired");
    await assertQuiet({ sql: bench.sql, stripe: bench.stripe, onHand: ON_HAND });
  });
});

Deno.test("a run that cannot make a single call is not continued for ever, and the ticks go on once it can", async () => {
  await withBench(async (bench) => {
    const { id } = await placeOrder(bench, { payments: [{ intent: {} }] });
    await reserveAhead(bench, 8 * MINUTE);
    const outcomes = await tick(bench);
    assert.deepEqual(outcomes.map(({ report }) => report?.status), ["partial"]);
    assert.equal(await statusOf(bench, id), "pending", "handed back, and not blamed");
    await nextTick(bench);
    await nextTick(bench);
    assert.equal(await statusOf(bench, id), "expired");
    await assertQuiet({ sql: bench.sql, stripe: bench.stripe, onHand: ON_HAND });
  });
});

async function reserveAhead({ sql, time }: Bench, ms: number): Promise<void> {
  await sql`
    insert into jobs.call_budgets (livemode, endpoint, rate, block_rate, next_slot_at)
    values (false, 'payment_intents.retrieve', 1000, 1000, ${new Date(time.now().getTime() + ms)})`;
}
