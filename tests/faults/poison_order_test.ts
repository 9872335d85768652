import assert from "node:assert/strict";
import { assertQuiet } from "../oracle/quiet.ts";
import { type Bench, ON_HAND, useBenches, withBench } from "./support/bench.ts";
import { lengthOf, report } from "./support/length.ts";
import { nextTick, tick, watch } from "./support/scheduler.ts";
import { placeOrder, statusOf } from "./support/shop.ts";
import { MINUTE } from "./support/time.ts";
import type { AtStep } from "./support/wire.ts";

useBenches();

/** More than two full claims. */
const ORDERS = lengthOf({ bounded: 230, long: 450 });
/** As jobs.settings.max_attempts. */
const MAX_ATTEMPTS = 8;

/** Whatever asks Stripe about this payment dies. */
const diesOf = (stripeId: string): AtStep => (step, take, { die }) => step.name.includes(stripeId) ? die() : take();

for (const [where, place] of [["first", 0], ["in the middle", 0.5], ["last", 1]] as const) {
  Deno.test(`an order that kills every run, ${where} among ${ORDERS}, is set aside alone`, async () => {
    await withBench(async (bench) => {
      const poison = Math.round(place * (ORDERS - 1));
      const { ids, stripeIds } = await placeHourByHour(bench);
      const dead = await runUntilSetAside(bench, { id: ids[poison]!, stripeId: stripeIds[poison]! });
      assert.equal(dead, MAX_ATTEMPTS, "runs that died");
      const set = await bench.sql<{ id: string; reason: string }[]>`
        select id, status_reason as reason from public.orders where status <> 'expired'`;
      assert.deepEqual([...set], [{ id: ids[poison], reason: "claim_lapsed" }], "all others are expired");
      await assertQuiet({ ...bench, onHand: ON_HAND });
      report(`${ORDERS} orders, one of which killed ${dead} runs`);
    });
  });
}

Deno.test("after a run that came to its end the next one holds as many orders as ever", async () => {
  await withBench(async (bench) => {
    const { stripeId } = await placeUnpaid(bench);
    assert.equal((await nextTick(bench, { atStep: diesOf(stripeId) }))[0]!.report, null);
    bench.time.advance(5 * MINUTE);
    await watch(bench);
    assert.deepEqual(await caution(bench), { claimBatch: 25, batchesAtOnce: 1 });
    assert.equal((await tick(bench))[0]!.report!.status, "succeeded");
    assert.deepEqual(await caution(bench), { claimBatch: 100, batchesAtOnce: 2 });
  });
});

async function caution({ sql }: Bench): Promise<Record<string, number>> {
  const [row] = await sql<{ claimBatch: number; batchesAtOnce: number }[]>`
    select (s ->> 'claimBatch')::int as "claimBatch", (s ->> 'batchesAtOnce')::int as "batchesAtOnce" from jobs.settings_json() s`;
  return { ...row! };
}

/** An hour apart: each payment is read by itself, so that every order has a step of its own. */
async function placeHourByHour(bench: Bench): Promise<{ ids: string[]; stripeIds: string[] }> {
  const ids: string[] = [];
  const stripeIds: string[] = [];
  for (let n = 0; n < ORDERS; n++) {
    const { id, stripeId } = await placeUnpaid(bench, 60 * (ORDERS - n));
    ids.push(id);
    stripeIds.push(stripeId);
  }
  return { ids, stripeIds };
}

async function placeUnpaid(bench: Bench, placedMinutesAgo = 60): Promise<{ id: string; stripeId: string }> {
  const { id, payments } = await placeOrder(bench, { payments: [{ intent: {} }], placedMinutesAgo, sku: "mug" });
  return { id, stripeId: payments[0]! };
}

/** Ticks until the order is set aside and nothing is due; answers how many runs died. */
async function runUntilSetAside(bench: Bench, { id, stripeId }: { id: string; stripeId: string }): Promise<number> {
  for (let ticks = 0, dead = 0; ticks < 40; ticks++) {
    const outcomes = await nextTick(bench, { atStep: diesOf(stripeId) });
    dead += outcomes.filter(({ report }) => report === null).length;
    const last = outcomes.at(-1)?.report;
    if (await statusOf(bench, id) === "quarantined" && last?.backlog === 0) return dead;
  }
  throw new Error("after 40 ticks the order is not set aside");
}
