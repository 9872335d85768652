import assert from "node:assert/strict";
import { assertAtRest } from "../oracle/at-rest.ts";
import { type Bench, ON_HAND, useBenches, withBench } from "./support/bench.ts";
import { lengthOf, report } from "./support/length.ts";
import { nextTick, tick, watch } from "./support/scheduler.ts";
import { placeOrder, statusOf } from "./support/shop.ts";
import { MINUTE } from "./support/time.ts";
import type { AtStep } from "./support/wire.ts";

useBenches();

/** More than two full claims. */
const ORDERS = lengthOf({ bounded: 110, long: 450 });
/** Those that fall due between two ticks, and what each claim takes of the 40 seconds in which a run claims. */
const DUE_PER_TICK = 30;
const SECONDS_PER_CLAIM = 1.6;
/** As lapse.settings.max_attempts. */
const MAX_ATTEMPTS = 8;

/** Whatever asks Stripe about this payment dies. */
const diesOf = (stripeId: string): AtStep => (step, take, { die }) => step.name.includes(stripeId) ? die() : take();

for (const [where, place] of [["first", 0], ["in the middle", 0.5], ["last", 1]] as const) {
  Deno.test(`an order that kills every run, ${where} among ${ORDERS}, is quarantined alone`, async () => {
    await withBench(async (bench) => {
      const poison = Math.round(place * (ORDERS - 1));
      const { ids, stripeIds } = await placeHourByHour(bench);
      const dead = await runUntilSetAside(bench, { id: ids[poison]!, stripeId: stripeIds[poison]! });
      assert.equal(dead, MAX_ATTEMPTS, "runs that died");
      const set = await bench.sql<{ id: string; reason: string }[]>`
        select ref as id, reason from lapse.orders where status <> 'expired'`;
      assert.deepEqual([...set], [{ id: ids[poison], reason: "claim_lapsed" }], "all others are expired");
      await assertAtRest({ ...bench, onHand: ON_HAND });
      report(`${ORDERS} orders, one of which killed ${dead} runs`);
    });
  });
}

Deno.test("an order that kills every run is quarantined alone, also while orders fall due faster than single ones are expired", async () => {
  await withBench(async (bench) => {
    const poison = await placeUnpaid(bench);
    const always: AtStep = (step, take, fate) => {
      // So that a run which claims one by one leaves most of them to the next, and with them the one that kills.
      if (step.name === "lapse_claim_orders") bench.time.advance(SECONDS_PER_CLAIM * 1_000);
      return diesOf(poison.stripeId)(step, take, fate);
    };
    let placed = 1;
    for (let ticks = 0; await statusOf(bench, poison.id) !== "quarantined"; ticks++) {
      assert.ok(ticks < 60, "after 60 ticks the order is not quarantined");
      for (let n = 0; n < DUE_PER_TICK; n++) await placeUnpaid(bench, 28 + 5 * (n / DUE_PER_TICK));
      placed += DUE_PER_TICK;
      await nextTick(bench, { always });
    }
    await nextTick(bench);
    const rows = await bench.sql`select status, count(*)::int as n from lapse.orders group by status order by status`;
    assert.deepEqual(rows.map(({ status, n }) => `${n} ${status}`), [`${placed - 1} expired`, "1 quarantined"]);
    report(`${placed} orders, of which ${DUE_PER_TICK} fell due per tick`);
  });
});

Deno.test("orders that no dead run held are claimed as usual, the others fewer at a time", async () => {
  await withBench(async (bench) => {
    const poison = await placeUnpaid(bench, 90);
    for (let n = 1; n < 40; n++) await placeUnpaid(bench, 80);
    assert.deepEqual(
      await claimsOf(bench, diesOf(poison.stripeId)),
      [40, 0, "died"],
      "of the second batch nothing is left",
    );
    // Due since before the run that died, and since after it.
    for (let n = 0; n < 60; n++) await placeUnpaid(bench, 75);
    bench.time.advance(30 * MINUTE);
    for (let n = 0; n < 30; n++) await placeUnpaid(bench, 35);
    await watch(bench);
    assert.deepEqual(await claimsOf(bench), [50, 10, 12, 12, 12, 12, 12, 10, 0]);
    await placeUnpaid(bench, 90);
    assert.equal(await batchesAtOnce(bench), 2, "the row of deaths has ended");
  });
});

/** How many orders each claim of one run brought. */
async function claimsOf(bench: Bench, atStep: AtStep = (_, take) => take()): Promise<(number | "died")[]> {
  const sizes: (number | "died")[] = [];
  const [outcome] = await tick(bench, {
    always: async (step, take, fate) => {
      const answer = await atStep(step, take, fate);
      if (step.name === "lapse_claim_orders") sizes.push((answer as { data: unknown[] }).data.length);
      return answer;
    },
  });
  return outcome!.report === null ? [...sizes, "died"] : sizes;
}

async function batchesAtOnce({ sql }: Bench): Promise<number> {
  const [row] = await sql`select lapse.batches_at_once(p_job => 'expire-stale-orders') as n`;
  return row!.n;
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

/** Ticks until the order is quarantined and nothing is due; answers how many runs died. */
async function runUntilSetAside(bench: Bench, { id, stripeId }: { id: string; stripeId: string }): Promise<number> {
  for (let ticks = 0, dead = 0; ticks < 40; ticks++) {
    const outcomes = await nextTick(bench, { atStep: diesOf(stripeId) });
    dead += outcomes.filter(({ report }) => report === null).length;
    const last = outcomes.at(-1)?.report;
    if (await statusOf(bench, id) === "quarantined" && last?.backlog === 0) return dead;
  }
  throw new Error("after 40 ticks the order is not quarantined");
}
