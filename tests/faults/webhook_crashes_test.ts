import assert from "node:assert/strict";
import { assertAtRest } from "../oracle/at-rest.ts";
import { assertPromises } from "../oracle/oracle.ts";
import { type Bench, ON_HAND, useBenches, withBench } from "./support/bench.ts";
import { named } from "./support/every-step.ts";
import { cutAt, dieBefore } from "./support/fates.ts";
import { happen, happening } from "./support/happenings.ts";
import { report } from "./support/length.ts";
import { nextTick, tickUntilQuiet } from "./support/scheduler.ts";
import { placeOrder } from "./support/shop.ts";
import { DAY } from "./support/time.ts";
import type { AtStep } from "./support/wire.ts";

useBenches();

/** The object of an event; the answer compares the result with the required one. */
type Story = (bench: Bench) => Promise<{ event: string; assertEnd(): Promise<void> }>;

async function expiredOrder(bench: Bench, sku?: string): Promise<string> {
  const { id } = await placeOrder(bench, { payments: [], sku });
  await nextTick(bench);
  return id;
}

async function assertStatus({ sql }: Bench, id: string, status: string, reason?: string): Promise<void> {
  const [row] = await sql`select status, reason from lapse.orders where ref = ${id}`;
  assert.equal(row!.status, status);
  if (reason) assert.equal(row!.reason, reason);
}

const STORIES: Record<string, Story> = {
  "a payment that settles its order and leaves another one to cancel": async (bench) => {
    const { id, payments } = await placeOrder(bench, { payments: [{ intent: {} }], placedMinutesAgo: 5 });
    const { last } = await happen(bench, id, happening("payment_intent.succeeded"));
    return {
      event: last,
      async assertEnd() {
        await assertStatus(bench, id, "paid");
        assert.equal(bench.stripe.paymentIntent({ id: payments[0]! }).status, "canceled");
      },
    };
  },
  "late money that revives its order": async (bench) => {
    await bench.sql`update lapse.settings set late_payments = 'revive_or_refund'`;
    const id = await expiredOrder(bench);
    const { last } = await happen(bench, id, happening("payment_intent.succeeded"), { attached: false });
    return { event: last, assertEnd: () => assertStatus(bench, id, "paid", "revived") };
  },
  "late money that goes back": async (bench) => {
    await bench.sql`update lapse.settings set late_payments = 'revive_or_refund'`;
    const id = await expiredOrder(bench, "last");
    await placeOrder(bench, { payments: [], sku: "last", expiresAt: new Date(bench.time.now().getTime() + 30 * DAY) });
    const { last } = await happen(bench, id, happening("checkout.session.completed"), { attached: false });
    return {
      event: last,
      async assertEnd() {
        await assertStatus(bench, id, "expired");
        assert.deepEqual(bench.stripe.refunds().map(({ amount, status }) => [amount, status]), [[2000, "succeeded"]]);
      },
    };
  },
  "a refund by hand of a payment that nobody had heard of": async (bench) => {
    const { id } = await placeOrder(bench, { payments: [], placedMinutesAgo: 5 });
    const { last } = await happen(bench, id, happening("charge.refunded"));
    return { event: last, assertEnd: () => assertStatus(bench, id, "pending") };
  },
};

for (const [what, open] of Object.entries(STORIES)) {
  Deno.test(`the webhook dies or is cut off at any step of ${what}, and the redelivered event loses nothing`, async () => {
    const steps = await withBench(async (bench) => (await bench.deliver((await open(bench)).event)).steps);
    const befalls = steps.flatMap(({ number, name }): [string, AtStep][] => [
      [`dies before ${name}`, dieBefore(number)],
      [`is cut before ${name}`, cutAt(number, "before")],
      [`is cut after ${name}`, cutAt(number, "after")],
    ]);
    for (const [how, atStep] of befalls) {
      await withBench((bench) =>
        named(`It ${how}`, async () => {
          const { event, assertEnd } = await open(bench);
          await bench.deliver(event, { atStep });
          await assertPromises(bench);
          assert.ok((await bench.deliver(event)).taken);
          await nextTick(bench);
          await tickUntilQuiet(bench, { withinMs: 10 * 60_000 });
          await assertEnd();
          await assertAtRest({ ...bench, onHand: ON_HAND });
        })
      );
    }
    report(`${what}: the webhook broken off ${befalls.length} times`);
  });
}
