import assert from "node:assert/strict";
import { assertPromises } from "../oracle/oracle.ts";
import { assertQuiet } from "../oracle/quiet.ts";
import { type Bench, ON_HAND, useBenches, withBench } from "./support/bench.ts";
import { cutAt, dieBefore, insertBefore } from "./support/fates.ts";
import { isLong, report } from "./support/length.ts";
import { nextTick, tick, tickUntilQuiet } from "./support/scheduler.ts";
import { everyKind, type Kind, type Placed, placeOrder, statusOf } from "./support/shop.ts";
import { MINUTE } from "./support/time.ts";
import type { AtStep } from "./support/wire.ts";

useBenches();

/** The bounded version leaves out kinds that take the same way through the program as another one. */
const SAME_WAY = [
  "canceled at Stripe already",
  "held, not captured",
  "voucher",
  "intent paid, webhook lost",
  "never paid",
  "one processing, one open",
];

Deno.test("the process dies before any step: the next tick after the lease finishes its work", async () => {
  const steps = await tryEveryStep((number) => [dieBefore(number)]);
  report(`expire: died before each of ${steps} steps`);
});

Deno.test("the connection breaks before or after any step takes effect: nothing is lost and nothing happens twice", async () => {
  const steps = await tryEveryStep((number) => [cutAt(number, "before"), cutAt(number, "after")]);
  report(`expire: connection cut before and after each of ${steps} steps`);
});

Deno.test("a run that stalls at any step for longer than its lease is fenced off when it wakes", async () => {
  const steps = await countSteps();
  for (let number = 1; number <= steps; number++) {
    await withBench(async (bench) => {
      const placed = await openShop(bench);
      // A short lease in a long run: the run may still work when its lease is over, so that the fence alone holds it.
      await bench.sql`update jobs.settings set lease = '15 seconds', run_seconds = 300, claim_seconds = 290`;
      let takenOver = false;
      const act = async () => {
        takenOver = true;
        bench.time.advance(MINUTE);
        await tick(bench);
        await assertPromises(bench);
      };
      await tick(bench, { atStep: insertBefore([{ number, act }]) });
      assert.ok(takenOver);
      await assertPromises(bench);
      await recover(bench, placed);
    });
  }
  report(`expire: stalled before each of ${steps} steps`);
});

if (isLong) {
  Deno.test("a run that dies anywhere, and the run after it that dies anywhere: the third one finishes", {
    ignore: !isLong,
  }, async () => {
    const steps = await countSteps();
    let pairs = 0;
    for (let first = 2; first <= steps + 1; first += 3) {
      for (let second = 2; second <= steps + 1; second += 3) {
        await withBench(async (bench) => {
          const placed = await openShop(bench);
          await tick(bench, { atStep: dieBefore(first) });
          await nextTick(bench, { atStep: dieBefore(second) });
          await assertPromises(bench);
          await recover(bench, placed);
        });
        pairs++;
      }
    }
    report(`expire: ${pairs} pairs of deaths`);
  });
}

/** Opens the shop anew for each step and each way to fail at it. Answers the number of steps, the end of the run included. */
async function tryEveryStep(failuresAt: (number: number) => AtStep[]): Promise<number> {
  const steps = await countSteps();
  for (let number = 1; number <= steps; number++) {
    for (const atStep of failuresAt(number)) {
      await withBench(async (bench) => {
        const placed = await openShop(bench);
        await tick(bench, { atStep: atStep });
        await assertPromises(bench).catch((error) => fail(error, number));
        await recover(bench, placed).catch((error) => fail(error, number));
      });
    }
  }
  return steps;
}

function fail(error: Error, number: number): never {
  error.message = `At step ${number}: ${error.message}`;
  throw error;
}

function countSteps(): Promise<number> {
  return withBench(async (bench) => {
    await openShop(bench);
    const [{ steps }] = await tick(bench) as [Awaited<ReturnType<Bench["run"]>>];
    return steps.length;
  });
}

type OpenedShop = { order: Placed; kind: Kind }[];

async function openShop(bench: Bench): Promise<OpenedShop> {
  const kinds = everyKind(bench.time.now().getTime()).filter(({ name }) => isLong || !SAME_WAY.includes(name));
  const opened: OpenedShop = [];
  for (const kind of kinds) opened.push({ kind, order: await placeOrder(bench, kind) });
  return opened;
}

/** One tick after the lease nothing is claimed any more and every run has ended; soon after that every order is where it has to be. */
async function recover(bench: Bench, opened: OpenedShop): Promise<void> {
  await nextTick(bench);
  await assertQuiet({ ...bench, onHand: ON_HAND });
  await tickUntilQuiet(bench, { withinMs: 15 * MINUTE, most: 6 });
  for (const { kind, order } of opened) assert.equal(await statusOf(bench, order.id), kind.becomes, kind.name);
  await assertQuiet({ ...bench, onHand: ON_HAND });
}
