import assert from "node:assert/strict";
import { assertPromises } from "../oracle/oracle.ts";
import { type Bench, useBenches, withBench } from "./support/bench.ts";
import { type Among, atEveryStep, type Befalls, firstOfName, named, stepsOf, within } from "./support/every-step.ts";
import { cutAt, dieBefore } from "./support/fates.ts";
import { isLong, report } from "./support/length.ts";
import { nextTick, tick, type TickOptions } from "./support/scheduler.ts";
import { SCENES } from "./support/scenes.ts";
import { MINUTE } from "./support/time.ts";
import type { AtStep } from "./support/wire.ts";

useBenches();

/** The bounded version strikes at the first step of each name, and at every fifth of the others. */
const among: Among = (...at) => isLong || firstOfName(...at) || at[1] % 5 === 0;

for (const scene of SCENES) {
  const { job, name } = scene;

  Deno.test(`${name}: the process dies before any step, and the next tick after the lease finishes its work`, async () => {
    const deaths = await atEveryStep(scene, ({ number }) => [() => dieBefore(number)], { among });
    report(`${name}: died before each of ${deaths} steps`);
  });

  Deno.test(`${name}: the connection breaks before or after any step took effect, and nothing is lost or done twice`, async () => {
    const both = (number: number) => [() => cutAt(number, "before"), () => cutAt(number, "after")];
    // The bounded version alternates: a call that may be repeated waits before it is.
    const cuts = await atEveryStep(scene, ({ number }) => isLong ? both(number) : [both(number)[number % 2]!], {
      among,
    });
    report(`${name}: connection broken ${cuts} times, before ${isLong ? "and" : "or"} after each step`);
  });

  Deno.test(`${name}: a run that stalls at any step for longer than its lease is fenced off when it wakes`, async () => {
    // A short lease in a long run: it may still work when its lease is over, so that the fence alone holds it.
    const stalls = await atEveryStep(scene, ({ number }) => [stall(number, { job })], { lease: "15 seconds", among });
    report(`${name}: stalled before each of ${stalls} steps`);
  });

  Deno.test(`${name}: a run that stalls is fenced off as well when the next run took its lease and died, and its orders are still its own`, async () => {
    const stalls = await atEveryStep(
      scene,
      // It dies right after it has begun, so the stalled run's orders were not claimed again.
      ({ number }) => [stall(number, { job, atStep: dieBefore(2) })],
      { lease: "15 seconds", among: (...at) => isLong || at[0].place === "database" && firstOfName(...at) },
    );
    report(`${name}: stalled before each of ${stalls} steps, while the next run took the lease and died`);
  });

  // The tick is the same in all scenes of a job.
  if (!scene.plays) {
    Deno.test(`${name}: pg_cron dies or is cut off at its tick, and there is a run with its request, or neither`, async () => {
      const befalls: [AtStep, number][] = [[dieBefore(1), 0], [cutAt(1, "before"), 0], [cutAt(1, "after"), 1]];
      for (const [atDispatch, expected] of befalls) {
        await withBench(async (bench) => {
          const { comeToRest } = await scene.open(bench);
          const outcomes = await tick(bench, { job, atDispatch, always: scene.always?.(bench) });
          const [runs] = await bench.sql`
            select count(*)::int as n from lapse.runs where trigger = 'schedule' and job = ${job}`;
          assert.equal(runs!.n, expected, "8: runs of a tick that broke off");
          assert.equal(outcomes.length > 0, expected > 0, "8: each run of a tick has its request");
          await assertPromises(bench);
          await comeToRest();
        });
      }
      report(`${name}: ${befalls.length} ticks of pg_cron broken off`);
    });
  }

  if (isLong) {
    Deno.test(`${name}: a run dies anywhere, the run after it dies anywhere, and the third one finishes`, async () => {
      const steps = (await stepsOf(scene)).length;
      let pairs = 0;
      for (let first = 2; first <= steps; first += 2) {
        for (let second = 2; second <= steps; second += 2, pairs++) {
          await withBench((bench) =>
            named(`At steps ${first} and ${second}`, async () => {
              const { comeToRest } = await scene.open(bench);
              const die = (number: number) => ({ job, atStep: within(scene, bench, dieBefore(number)) });
              await tick(bench, die(first));
              await nextTick(bench, die(second));
              await assertPromises(bench);
              await comeToRest();
            })
          );
        }
      }
      report(`${name}: ${pairs} pairs of deaths`);
    });
  }
}

/** The run stalls before the step while its lease runs out, and others tick. */
function stall(number: number, others: TickOptions): (bench: Bench) => Befalls {
  return (bench) => {
    let written: unknown = null;
    const assertFenced = async () => {
      if (written !== null) {
        assert.deepEqual(await writtenByLost(bench), written, "a run that lost its lease wrote something");
      }
    };
    const atStep: AtStep = async (step, take) => {
      // Its writes before it lost its lease remain; its later calls change nothing.
      if (step.number > number) await assertFenced();
      if (step.number !== number) return await take();
      bench.time.advance(MINUTE);
      await tick(bench, others);
      await assertPromises(bench);
      if (number > 1) written = await writtenByLost(bench);
      return await take();
    };
    return Object.assign(atStep, { after: assertFenced });
  };
}

/** Everything that runs which lost their lease have written. */
async function writtenByLost({ sql }: Bench): Promise<unknown> {
  return [
    ...await sql`
    select r.id, r.heartbeat_at, count(d.id)::int as decisions from lapse.runs r left join lapse.decisions d on d.run_id = r.id
    where r.status = 'lost' group by r.id order by r.id`,
  ];
}
