import { type Act, ACTS, PAYS, WEBHOOK } from "./support/acts.ts";
import { seededRandom } from "../../local/stripe-simulator/random.ts";
import { useBenches, withBench } from "./support/bench.ts";
import { insertBefore } from "./support/fates.ts";
import { isLong, report } from "./support/length.ts";
import { assertPromises } from "../oracle/oracle.ts";
import { type Meeting, MEETINGS } from "./support/meetings.ts";
import { namedSteps } from "./support/named-steps.ts";
import { tick } from "./support/scheduler.ts";

useBenches();

/** How many interleavings of two acts each meeting plays, drawn by the seed: all 67,000 would take a day. */
const pairs = Number(Deno.env.get("LAPSE_PROOF_RUNS") ?? 600);
const seed = Number(Deno.env.get("LAPSE_PROOF_SEED") ?? 20261122);

/** In the bounded version every way to cancel a payment occurs; the long one plays all meetings. */
const meetings = MEETINGS.filter(({ bounded }) => isLong || bounded);

for (const meeting of meetings) {
  const { name, job } = meeting;

  Deno.test(`${job}, ${name}: whoever acts at any moment of the run, the order ends as its payments require`, async () => {
    const { steps, gaps } = await gapsOf(meeting);
    let schedules = 0;
    // Alone, a webhook has nothing to tell.
    for (const act of actsFor(meeting).filter((it) => it !== WEBHOOK)) {
      for (const number of gaps) {
        await play(meeting, [{ name: act, number }]);
        schedules++;
      }
    }
    report(`${job}, ${name}: ${schedules} interleavings of one act with ${steps} steps`);
  });

  if (meeting.kinds.includes("intent")) {
    Deno.test(`${job}, ${name}: the customer pays at any moment and the webhook comes at any later one, and the money is reported`, async () => {
      const { steps, gaps } = await gapsOf(meeting);
      let schedules = 0;
      for (const a of gaps) {
        // The bounded version takes every third gap.
        for (const b of isLong ? gaps.filter((it) => it >= a) : gaps.filter((it, n) => it > a && n % 3 === a % 3)) {
          await play(meeting, [{ name: PAYS, number: a }, { name: WEBHOOK, number: b }]);
          schedules++;
        }
      }
      report(`${job}, ${name}: ${schedules} interleavings of a payment and its webhook with ${steps} steps`);
    });
  }
}

if (isLong) {
  for (const meeting of MEETINGS) {
    const { name, job } = meeting;
    Deno.test(`${job}, ${name}: whichever two act at any two moments of the run, the order ends as its payments require`, async () => {
      const { steps, few } = await gapsOf(meeting);
      const names = actsFor(meeting);
      const all = few.flatMap((a) => few.filter((b) => b >= a).map((b) => [a, b] as const));
      const left = names.flatMap((first) =>
        names.flatMap((second) => all.map(([a, b]) => [{ name: first, number: a }, { name: second, number: b }]))
      );
      const possible = left.length;
      const random = seededRandom(seed);
      let played = 0;
      for (; played < pairs && left.length > 0; played++) {
        await play(meeting, left.splice(Math.floor(random() * left.length), 1)[0]!);
      }
      report(`${job}, ${name}: ${played} of ${possible} interleavings of two acts with ${steps} steps, seed ${seed}`);
    });
  }
}

/** Nobody attaches a payment to a closed order: that is refused, and plays with the orders that are due. */
function actsFor({ kinds, job, acts }: Meeting): string[] {
  if (acts && !isLong) return acts;
  return Object.entries(ACTS)
    .filter(([, { needs, attaches }]) =>
      needs === null ? !attaches || job === "expire-stale-orders" : kinds.includes(needs)
    )
    .map(([name]) => name);
}

/**
 * How many steps the run of a meeting has, and the gaps before, between and after them. `few` leaves out those in which the run reads Stripe's
 * lists, but for the first: it holds nothing yet, and one is like another. The bounded version and pairs of acts have no others.
 */
function gapsOf({ open, job }: Meeting): Promise<{ steps: number; gaps: number[]; few: number[] }> {
  return withBench(async (bench) => {
    await open(bench);
    const [outcome] = await tick(bench, { job });
    const { steps } = outcome!;
    const all = Array.from({ length: steps.length + 1 }, (_, n) => n + 1);
    const read = steps.findLastIndex(({ name }) => name === "lapse_record_listed");
    const few = all.filter((number) => number === 1 || number > read);
    return { steps: steps.length, gaps: isLong ? all : few, few };
  });
}

/** One order, one run, and what others do before the numbered steps of it; a number past the last step is after the run. */
async function play({ open, comeToRest, job, name }: Meeting, acts: { name: string; number: number }[]): Promise<void> {
  await withBench(async (bench) => {
    const order = await open(bench);
    const perform = (act: Act) => async () => {
      await act.perform(bench, order);
      await assertPromises(bench);
    };
    const inserted = acts.map(({ name, number }) => ({ number, act: perform(ACTS[name]!) }));
    const steps = namedSteps(insertBefore(inserted));
    try {
      const taken = (await tick(bench, { job, atStep: steps.atStep }))[0]!.steps.length;
      for (const { number, act } of inserted) if (number > taken) await act();
      await comeToRest(bench, order);
    } catch (error) {
      const told = acts.map(({ name, number }) => `${name}, before ${steps.name(number)}`).join("; ");
      (error as Error).message = `${job}, ${name}: ${told}: ${(error as Error).message}`;
      throw error;
    }
  });
}
