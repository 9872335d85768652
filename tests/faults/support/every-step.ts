import assert, { AssertionError } from "node:assert/strict";
import { assertPromises } from "../../oracle/oracle.ts";
import { type Bench, leaseShorterThanTheRun, withBench } from "./bench.ts";
import { allOf } from "./fates.ts";
import type { Scene } from "./scenes.ts";
import { tick } from "./scheduler.ts";
import type { AtStep, Step } from "./wire.ts";

/** What befalls a run. `after` is asked once the run is over. */
export type Befalls = AtStep & { after?(): Promise<void> | void };

export type Among = (step: Step, index: number, steps: readonly Step[]) => boolean;

export type EveryStep = {
  /** Which of the scene's steps; left out, all of them. */
  among?: Among;
  lease?: string;
  /** Once the run is over and before the shop comes to rest. */
  meanwhile?: (bench: Bench) => Promise<void>;
  /** Once it has come to rest. */
  finally?: (bench: Bench) => Promise<void>;
};

/** The first step of each name: what the bounded versions strike at. */
export const firstOfName: Among = (step, index, steps) => steps.findIndex(({ name }) => name === step.name) === index;

/** Opens the scene anew for each step and each thing that befalls the run there. Answers how often that was. */
export async function atEveryStep(
  scene: Scene,
  befall: (step: Step) => ((bench: Bench) => Befalls)[],
  { among = () => true, lease, meanwhile, finally: afterwards }: EveryStep = {},
): Promise<number> {
  const steps = await stepsOf(scene);
  const { plays = () => true } = scene;
  let tried = 0;
  for (const step of steps.filter((...at) => plays(at[0]) && among(...at))) {
    for (const hook of befall(step)) {
      tried++;
      await withBench((bench) =>
        named(`At step ${step.number}, ${step.name}`, async () => {
          const { comeToRest } = await scene.open(bench);
          if (lease) await leaseShorterThanTheRun(bench, lease);
          const befalls = hook(bench);
          const { atStep, assertHeld } = watched(befalls, step);
          await tick(bench, { job: scene.job, always: scene.always?.(bench), atStep: within(scene, bench, atStep) });
          assertHeld();
          await befalls.after?.();
          await assertPromises(bench);
          await meanwhile?.(bench);
          await comeToRest();
          await afterwards?.(bench);
        })
      );
    }
  }
  assert.ok(tried > 0, `no step of ${scene.name} was tried`);
  return tried;
}

/** The steps of a run that nothing befalls. */
export function stepsOf(scene: Scene): Promise<readonly Step[]> {
  return withBench(async (bench) => {
    await scene.open(bench);
    const [outcome] = await tick(bench, { job: scene.job, atStep: scene.always?.(bench) });
    return outcome!.steps;
  });
}

/** What befalls a run in a scene that has something of its own at each step. */
export function within({ always }: Scene, bench: Bench, atStep: AtStep): AtStep {
  return always ? allOf(always(bench), atStep) : atStep;
}

/** Says where it was when something fails. */
export async function named<T>(where: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    (error as Error).message = `${where}: ${(error as Error).message}`;
    throw error;
  }
}

/** The run takes an assertion that fails inside a step for a failure of the step: it is kept, and thrown once the run is over. */
function watched(befalls: AtStep, expected: Step): { atStep: AtStep; assertHeld(): void } {
  let met: Step | null = null;
  let failed: AssertionError | null = null;
  return {
    atStep: async (step, take, fate) => {
      if (step.number === expected.number) met = step;
      try {
        return await befalls(step, take, fate);
      } catch (error) {
        if (error instanceof AssertionError) failed ??= error;
        throw error;
      }
    },
    assertHeld() {
      if (failed) throw failed;
      assert.ok(met, "the run took fewer steps than the one they were counted with");
      // Which of two payments is asked about first may differ, and with it the name of a step at Stripe.
      if (expected.place === "database") {
        assert.equal(met.name, expected.name, "the run took other steps than the one they were counted with");
      }
    },
  };
}
