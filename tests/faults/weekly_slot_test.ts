import assert from "node:assert/strict";
import { assertPromises } from "../oracle/oracle.ts";
import { type Bench, useBenches, withBench } from "./support/bench.ts";
import { dieBefore } from "./support/fates.ts";
import { isLong, report } from "./support/length.ts";
import { deliver, watch } from "./support/scheduler.ts";
import { SCENES } from "./support/scenes.ts";
import { DAY, MINUTE } from "./support/time.ts";
import type { AtStep } from "./support/wire.ts";

useBenches();

const job = "cleanup-stale-payment-intents";
const scene = SCENES.find((scene) => scene.job === job)!;

Deno.test("the weekly clean-up dies before any step, and its work is done by the retry after an hour, in the same slot", async () => {
  const steps = await withBench(async (bench) => {
    await open(bench);
    const [outcome] = await tickOfSlot(bench);
    return outcome!.steps.length;
  });
  // The bounded version leaves steps out, but neither the first nor the last one.
  const numbers = Array.from({ length: steps }, (_, n) => n + 1).filter((n) => isLong || n % 8 === 1 || n === steps);
  for (const number of numbers) {
    await withBench(async (bench) => {
      const { comeToRest } = await open(bench);
      await tickOfSlot(bench, dieBefore(number));
      await assertPromises(bench);
      for (let minutes = 5; minutes <= 70; minutes += 5) {
        bench.time.advance(5 * MINUTE);
        await watch(bench);
        await tickOfSlot(bench);
      }
      assert.deepEqual(await endsOf(bench), ["lost", "succeeded"], `at step ${number}`);
      assert.equal((await bench.sql`select from lapse.schedule_slots`).length, 1);
      await comeToRest();
    });
  }
  report(`clean-ups that died in their slot, before ${numbers.length} of ${steps} steps`);
});

/** The scene, in a shop whose schedule is older than the slot. */
async function open(bench: Bench) {
  await bench.sql`update lapse.schedules set enabled_at = ${new Date(bench.time.now().getTime() - 30 * DAY)}`;
  return await scene.open(bench);
}

/** What pg_cron calls for a weekly job; the first process that it starts has the fate. */
async function tickOfSlot(bench: Bench, atStep?: AtStep) {
  await bench.sql`select lapse.dispatch_due_slot(p_job => ${job}, p_now => ${bench.time.now()})`;
  return await deliver(bench, atStep ? { atStep } : {});
}

async function endsOf({ sql }: Bench): Promise<string[]> {
  return (await sql`select status from lapse.runs order by created_at`).map(({ status }) => status);
}
