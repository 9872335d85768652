import fc from "fast-check";
import { useBenches, withBench } from "./support/bench.ts";
import { lengthOf, report } from "./support/length.ts";
import { play } from "./support/play.ts";
import { schedules } from "./support/schedule.ts";

useBenches();

// To replay a failure: LAPSE_PROOF_SEED and LAPSE_PROOF_PATH as fast-check printed them.
const seed = Number(Deno.env.get("LAPSE_PROOF_SEED") ?? 20261122);
const path = Deno.env.get("LAPSE_PROOF_PATH");
const numRuns = Number(Deno.env.get("LAPSE_PROOF_RUNS") ?? lengthOf({ bounded: 40, long: 3_000 }));
// A failed schedule is shrunk to make it readable, unless only the result matters.
const shrinks = Deno.env.get("LAPSE_PROOF_SHRINK") !== "no";

Deno.test("whatever happens in whatever order, every promise holds and every order ends as its payments require", async () => {
  let events = 0;
  await fc.assert(
    fc.asyncProperty(schedules, async (schedule) => {
      events += schedule.events.length;
      await withBench((bench) => play(bench, schedule));
    }),
    { seed, path, numRuns, interruptAfterTimeLimit: undefined, endOnFailure: !shrinks },
  );
  report(`${numRuns} random schedules with ${events} events, seed ${seed}`);
});
