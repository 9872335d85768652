import assert from "node:assert/strict";
import { assertAtRest } from "../oracle/at-rest.ts";
import { type Bench, ON_HAND, useBenches, withBench } from "./support/bench.ts";
import { nextTick, tick } from "./support/scheduler.ts";
import { placeOrder, statusOf } from "./support/shop.ts";
import { DAY } from "./support/time.ts";

useBenches();

// A clock that was set back: what was written before it lies ahead of everybody's present.

Deno.test("a lease that a clock set back has left a day ahead holds no run up", async () => {
  await withBench(async (bench) => {
    const { id } = await placeOrder(bench, { payments: [{ intent: {} }] });
    await tick(bench, { atStep: (step, take, { die }) => step.name === "lapse_claim_orders" ? die() : take() });
    await bench.sql`
      update lapse.jobs set lease_until = ${ahead(bench, DAY)}::timestamptz where run_id is not null`;
    const [outcome] = await tick(bench);
    assert.equal(outcome!.report?.status, "succeeded");
    assert.equal(await statusOf(bench, id), "expired");
    await assertAtRest({ ...bench, onHand: ON_HAND });
  });
});

Deno.test("a share of the pace that a clock set back has left ahead slows no run down for long", async () => {
  await withBench(async (bench) => {
    await bench.sql`update lapse.settings set payments_per_second_test = 4, cleanup_payments_per_second = 4`;
    await bench.sql`
      insert into lapse.pace_shares (caller, per_second, until) values ('cleanup', 4, ${
      ahead(bench, DAY)
    }::timestamptz)`;
    const { id } = await placeOrder(bench, { payments: [{ intent: {} }] });
    await tick(bench);
    await nextTick(bench);
    assert.equal(await statusOf(bench, id), "expired");
    await assertAtRest({ ...bench, onHand: ON_HAND });
  });
});

function ahead({ time }: Bench, ms: number): string {
  return new Date(time.now().getTime() + ms).toISOString();
}
