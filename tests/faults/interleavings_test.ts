import assert from "node:assert/strict";
import { assertQuiet } from "../oracle/quiet.ts";
import { assertPromises } from "../oracle/oracle.ts";
import { type Bench, ON_HAND, useBenches, withBench } from "./support/bench.ts";
import { insertBefore } from "./support/fates.ts";
import { isLong, report } from "./support/length.ts";
import { finalStatus, type OrderModel } from "./support/model.ts";
import { tick, tickUntilQuiet, watch } from "./support/scheduler.ts";
import { type Act, ACTS } from "./support/acts.ts";
import { type PaymentSpec, placeOrder, statusOf } from "./support/shop.ts";
import { DAY, MINUTE } from "./support/time.ts";

useBenches();

/** Orders that meet a customer in the middle of a run. */
const SCENES: Record<string, PaymentSpec[]> = {
  "no payment": [],
  "one intent": [{ intent: {} }],
  "two intents": [{ intent: {} }, { intent: {} }],
  "a session": [{ session: { status: "open" } }],
  "a session with a declined attempt": [{ session: { status: "open", intentStatus: "requires_payment_method" } }],
  "an intent and a session": [{ intent: {} }, { session: { status: "open" } }],
};

/** In these every way to end a payment occurs; the long version plays all scenes. */
const BOUNDED = ["no payment", "one intent", "a session"];

for (const [scene, payments] of Object.entries(SCENES).filter(([name]) => isLong || BOUNDED.includes(name))) {
  Deno.test(`${scene}: whoever acts at any moment of the run, the order ends where the money says`, async () => {
    const steps = await countSteps(payments);
    let schedules = 0;
    for (const name of actsFor(payments)) {
      for (let number = 1; number <= steps + 1; number++) {
        await play(payments, [{ name, number }]);
        schedules++;
      }
    }
    report(`${scene}: ${schedules} interleavings of one act with ${steps} steps`);
  });
}

if (isLong) {
  for (const [scene, payments] of Object.entries(SCENES)) {
    Deno.test(`${scene}: whichever two act at any two moments of the run, the order ends where the money says`, async () => {
      const steps = await countSteps(payments);
      let schedules = 0;
      const names = actsFor(payments);
      for (const first of names) {
        for (const second of names) {
          for (let a = 1; a <= steps + 1; a++) {
            // Every other gap: with all of them the longest scenes would take hours.
            for (let b = a; b <= steps + 1; b += 2) {
              await play(payments, [{ name: first, number: a }, { name: second, number: b }]);
              schedules++;
            }
          }
        }
      }
      report(`${scene}: ${schedules} interleavings of two acts with ${steps} steps`);
    });
  }
}

function actsFor(payments: PaymentSpec[]): string[] {
  return Object.entries(ACTS).filter(([, { needs }]) => needs === null || payments.some((it) => needs in it)).map((
    [name],
  ) => name);
}

function countSteps(payments: PaymentSpec[]): Promise<number> {
  return withBench(async (bench) => {
    await placeOrder(bench, { payments });
    const [outcome] = await tick(bench);
    return outcome!.steps.length;
  });
}

/** One order, one run, and what others do before the numbered steps of it; a number past the last step is after the run. */
async function play(payments: PaymentSpec[], acts: { name: string; number: number }[]): Promise<void> {
  await withBench(async (bench) => {
    const { id, payments: ids } = await placeOrder(bench, { payments });
    const order: OrderModel = { id, payments: ids.map((stripeId) => ({ stripeId, attached: true, fate: "open" })) };
    const perform = (act: Act) => async () => {
      await act.perform(bench, order);
      await assertPromises(bench);
    };
    try {
      const inserted = acts.map(({ name, number }) => ({ number, act: perform(ACTS[name]!) }));
      const taken = (await tick(bench, { atStep: insertBefore(inserted) }))[0]!.steps.length;
      for (const { number, act } of inserted) if (number > taken) await act();
      await settleDown(bench, order);
    } catch (error) {
      (error as Error).message = `${JSON.stringify(acts)}: ${(error as Error).message}`;
      throw error;
    }
  });
}

async function settleDown(bench: Bench, order: OrderModel): Promise<void> {
  bench.time.advance(5 * MINUTE);
  await watch(bench);
  await tick(bench);
  await assertQuiet({ ...bench, onHand: ON_HAND });
  if (finalStatus(order) !== "pending") await tickUntilQuiet(bench, { withinMs: 2 * DAY, most: 12 });
  assert.equal(await statusOf(bench, order.id), finalStatus(order), JSON.stringify(order.payments));
  await assertQuiet({ ...bench, onHand: ON_HAND });
}
