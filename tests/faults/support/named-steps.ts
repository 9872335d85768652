import type { AtStep, Step } from "./wire.ts";

/** A hook that remembers the steps it saw, so that a failure can say by its name what happened there. */
export type NamedSteps = { atStep: AtStep; name(number: number): string };

export function namedSteps(hook: AtStep = (_, take) => take()): NamedSteps {
  const names = new Map<number, Step>();
  return {
    atStep(step, take, fate) {
      names.set(step.number, step);
      return hook(step, take, fate);
    },
    name(number) {
      const step = names.get(number);
      return step ? `step ${number} (${step.place}: ${step.name})` : `step ${number}, which was not reached`;
    },
  };
}
