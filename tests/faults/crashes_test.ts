import assert from "node:assert/strict";
import { assertPromises } from "../oracle/oracle.ts";
import { type Bench, leaseShorterThanTheRun, useBenches, withBench } from "./support/bench.ts";
import { cutAt, dieBefore } from "./support/fates.ts";
import { isLong, report } from "./support/length.ts";
import { nextTick, tick } from "./support/scheduler.ts";
import { type Scene, SCENES } from "./support/scenes.ts";
import { MINUTE } from "./support/time.ts";
import type { AtStep } from "./support/wire.ts";

useBenches();

for (const scene of SCENES) {
  const { job } = scene;

  Deno.test(`${job}: the process dies before any step, and the next tick after the lease finishes its work`, async () => {
    const steps = await atEveryStep(scene, (number) => [() => dieBefore(number)]);
    report(`${job}: died before each of ${steps} steps`);
  });

  Deno.test(`${job}: the connection breaks before or after any step took effect, and nothing is lost or done twice`, async () => {
    const cuts = (number: number) => [() => cutAt(number, "before"), () => cutAt(number, "after")];
    // The bounded version alternates: a call that may be repeated waits before it is.
    const steps = await atEveryStep(scene, (number) => isLong ? cuts(number) : [cuts(number)[number % 2]!]);
    report(`${job}: connection broken before ${isLong ? "and" : "or"} after each of ${steps} steps`);
  });

  Deno.test(`${job}: a run that stalls at any step for longer than its lease is fenced off when it wakes`, async () => {
    const stall = (number: number) => (bench: Bench) => {
      let written: unknown = null;
      const atStep: AtStep = async (step, take) => {
        // What it wrote before it lost its lease stands; every call it makes after that changes nothing of it.
        if (step.number > number && written !== null) assert.deepEqual(await writtenByLost(bench), written);
        if (step.number !== number) return await take();
        bench.time.advance(MINUTE);
        await tick(bench, { job });
        await assertPromises(bench);
        if (number > 1) written = await writtenByLost(bench);
        return await take();
      };
      return Object.assign(atStep, {
        after: async () => written !== null && assert.deepEqual(await writtenByLost(bench), written),
      });
    };
    // A short lease in a long run: it may still work when its lease is over, so that the fence alone holds it.
    const steps = await atEveryStep(scene, (number) => [stall(number)], { lease: "15 seconds" });
    report(`${job}: stalled before each of ${steps} steps`);
  });

  Deno.test(`${job}: the server ends all connections while a step takes effect, and the work gets done`, async () => {
    const strike = (number: number) => (bench: Bench) => whileTaking(number, () => bench.cutConnections());
    const steps = await atEveryStep(scene, (number) => [strike(number)], { stride: isLong ? 1 : 4 });
    report(`${job}: connections ended by the server at ${steps} steps`);
  });

  Deno.test(`${job}: the database crashes while a step takes effect; what was committed holds, the rest is done again`, async () => {
    const strike = (number: number) => (bench: Bench) => whileTaking(number, () => bench.crashDatabase());
    // Each crash takes a second or so.
    const steps = await atEveryStep(scene, (number) => [strike(number)], { stride: isLong ? 1 : 9 });
    report(`${job}: crashes of the database server at ${steps} steps`);
  });

  if (isLong) {
    Deno.test(`${job}: a run dies anywhere, the run after it dies anywhere, and the third one finishes`, async () => {
      const steps = await countSteps(scene);
      let pairs = 0;
      for (let first = 2; first <= steps; first += 2) {
        for (let second = 2; second <= steps; second += 2, pairs++) {
          await withBench(async (bench) => {
            const { comeToRest } = await scene.open(bench);
            await tick(bench, { job, atStep: dieBefore(first) });
            await nextTick(bench, { job, atStep: dieBefore(second) });
            await assertPromises(bench);
            await comeToRest();
          });
        }
      }
      report(`${job}: ${pairs} pairs of deaths`);
    });
  }
}

/** Opens the scene anew for each step and each thing that befalls the run there. Answers the number of steps tried. */
async function atEveryStep(
  scene: Scene,
  befall: (number: number) => ((bench: Bench) => AtStep)[],
  { stride = 1, lease }: { stride?: number; lease?: string } = {},
): Promise<number> {
  const steps = await countSteps(scene);
  let tried = 0;
  for (let number = 1; number <= steps; number += stride, tried++) {
    for (const hook of befall(number)) {
      await withBench(async (bench) => {
        const { comeToRest } = await scene.open(bench);
        if (lease) await leaseShorterThanTheRun(bench, lease);
        let struck = false;
        const atStep = hook(bench);
        try {
          await tick(bench, {
            job: scene.job,
            atStep: (step, take, fate) => {
              struck ||= step.number === number;
              return atStep(step, take, fate);
            },
          });
          if ("after" in atStep) await (atStep.after as () => Promise<unknown>)();
          assert.ok(struck, "the run took fewer steps than the one they were counted with");
          await assertPromises(bench);
          await comeToRest();
        } catch (error) {
          (error as Error).message = `At step ${number}: ${(error as Error).message}`;
          throw error;
        }
      });
    }
  }
  return tried;
}

/** Strikes while the step is under way: nobody knows which of the two is faster. */
function whileTaking(number: number, strike: () => Promise<void>): AtStep {
  return async (step, take) => {
    if (step.number !== number) return await take();
    const [answer] = await Promise.all([take(), strike()]);
    return answer;
  };
}

function countSteps(scene: Scene): Promise<number> {
  return withBench(async (bench) => {
    await scene.open(bench);
    const [outcome] = await tick(bench, { job: scene.job });
    return outcome!.steps.length;
  });
}

/** Everything that runs which lost their lease have written. */
async function writtenByLost({ sql }: Bench): Promise<unknown> {
  return [
    ...await sql`
    select r.id, r.heartbeat_at, count(d.id)::int as decisions from public.job_runs r left join public.job_decisions d on d.run_id = r.id
    where r.status = 'lost' group by r.id order by r.id`,
  ];
}
