import assert from "node:assert/strict";
import { assertPromises } from "../oracle/oracle.ts";
import { type Bench, type JobName, useBenches, withBench } from "./support/bench.ts";
import { type Among, atEveryStep, type Befalls, firstOfName, named } from "./support/every-step.ts";
import { outageFrom } from "./support/fates.ts";
import { isLong, report } from "./support/length.ts";
import { strikeMidway } from "./support/midway.ts";
import { tick } from "./support/scheduler.ts";
import { SCENES } from "./support/scenes.ts";
import { HOUR } from "./support/time.ts";

useBenches({ patient: true });

/** The outcomes that the runs of a job must reach while Stripe is down. Without these, no payment was ever uncertain. */
const IN_DOUBT: Record<JobName, string[]> = {
  "expire-stale-orders": ["retry:connection_lost", "found_dead:already_dead"],
  "cleanup-stale-payment-intents": ["kept:connection_lost", "found_dead:already_dead"],
};

const MOMENTS = ["before", "after"] as const;

/** Ways for the server to fail a step that is under way. */
const STRIKES: Record<string, (bench: Bench) => Promise<void>> = {
  "the server ends all connections": (bench) => bench.cutConnections(),
  "the database crashes": (bench) => bench.crashDatabase(),
};

/** The bounded version: the first call of each kind, as ids differ, and every third of the others. */
const atStripe: Among = ({ place }, index) => place === "stripe" && (isLong || index % 3 === 0);
const afterStripe: Among = (_, index, steps) => steps.slice(0, index).some(({ place }) => place === "stripe");
const ofDatabase: Among = (step, index, steps) =>
  step.place === "database" && (isLong || firstOfName(step, index, steps));

for (const scene of SCENES) {
  const { job, name } = scene;

  // The steps that the bounded version plays of the others are at the database.
  if (isLong || !scene.plays) {
    Deno.test(`${name}: Stripe fails from any call on, executed or not; no payment is treated as dead before it is inspected`, async () => {
      const reached = new Set<string>();
      const outages = await atEveryStep(
        scene,
        ({ number }) => MOMENTS.map((moment) => () => outageFrom(number, moment, { place: "stripe" })),
        {
          among: atStripe,
          async meanwhile(bench) {
            if (job !== "cleanup-stale-payment-intents") return;
            // It looks again after an hour.
            bench.time.advance(2 * HOUR);
            await tick(bench, { job });
          },
          async finally(bench) {
            for (const decision of await decisionsOf(bench)) reached.add(decision);
          },
        },
      );
      for (const decision of scene.plays ? [] : IN_DOUBT[job]) {
        assert.ok(reached.has(decision), `no outage of Stripe led to ${decision}`);
      }
      report(`${name}: ${outages} outages of Stripe, from each call on`);
    });
  }

  Deno.test(`${name}: the database is unreachable from any call on for a while, and the work is done later`, async () => {
    // As many calls as one call and its repeats; in the long version also up to the end of the run.
    const lengths = isLong ? [3, Infinity] : [3];
    const outages = await atEveryStep(
      scene,
      ({ number }) =>
        MOMENTS.filter((_, n) => isLong || number % 2 === n).flatMap((moment) =>
          lengths.map((most) => () => outageFrom(number, moment, { place: "database", most }))
        ),
      // A call that may be repeated waits for a second until it is given up. The bounded version plays those that have something to lose.
      { among: (...at) => ofDatabase(...at) && (isLong || afterStripe(...at)) },
    );
    report(`${name}: ${outages} outages of the database`);
  });

  for (const [what, strike] of Object.entries(STRIKES)) {
    Deno.test(`${name}: ${what} in the middle of a step; what was committed holds, the rest is done again`, async () => {
      const midway = (number: number) => (bench: Bench): Befalls => {
        const atStep = strikeMidway(bench, number, () => strike(bench));
        return Object.assign(atStep, { after: () => assert.ok(atStep.hit(), "the strike missed the step") });
      };
      const struck = new Set<string>();
      const strikes = await atEveryStep(scene, (step) => {
        struck.add(step.name);
        return [midway(step.number)];
      }, { among: isLong ? undefined : ofDatabase });
      report(
        `${name}: ${what}, in the middle of ${strikes} steps: ${
          [...struck].filter((it) => !it.includes("/")).join(", ")
        }`,
      );
    });

    if (scene.plays) continue;
    Deno.test(`${name}: ${what} in the middle of pg_cron's tick: there is neither run nor request, and the next tick does the work`, () =>
      withBench((bench) =>
        named("At the dispatch", async () => {
          const { comeToRest } = await scene.open(bench);
          const atDispatch = strikeMidway(bench, 1, () => strike(bench));
          const outcomes = await tick(bench, { job, atDispatch });
          assert.ok(atDispatch.hit(), "the strike missed the dispatch");
          const [runs] = await bench.sql`select count(*)::int as n from lapse.runs`;
          assert.deepEqual(
            [runs!.n, outcomes.length],
            [0, 0],
            "8: runs and requests of a dispatch that was rolled back",
          );
          await assertPromises(bench);
          await comeToRest();
          report(`${name}: ${what}, in the middle of the dispatch`);
        })
      ));
  }
}

/** As outcome:reason. */
async function decisionsOf({ sql }: Bench): Promise<string[]> {
  const rows = await sql<{ decision: string }[]>`
    select distinct outcome || ':' || coalesce(reason, '') as decision from lapse.decisions`;
  return rows.map(({ decision }) => decision);
}
