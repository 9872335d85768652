import assert from "node:assert/strict";
import { assertAtRest } from "../oracle/at-rest.ts";
import { type Bench, ON_HAND, useBenches, withBench } from "./support/bench.ts";
import { nextTick, tick } from "./support/scheduler.ts";
import { placeOrder, statusOf } from "./support/shop.ts";
import { DAY } from "./support/time.ts";

useBenches();

// A clock that was set back: times that were written before are now in the future.

Deno.test("a lease left a day ahead by a clock that was set back blocks no run", async () => {
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

Deno.test("a pace share left ahead by a clock that was set back slows no run down for long", async () => {
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
