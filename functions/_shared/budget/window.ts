import type { Clock } from "../run/clock.ts";

/**
 * Lets at most so many through in any second.
 *
 * Slots already keep calls apart. This is for slots of the past that come due together, after the process stalled or where one
 * lane's late calls meet another's early ones: however they bunch up, no second sees more than was granted.
 */
export type Window = {
  /** Milliseconds until one more may enter; 0 or less: now. */
  wait(perSecond: number): number;
  /** In the same turn of the event loop as the wait that was over, or two may enter one place. */
  enter(): void;
};

/** A second, and the jitter with which two requests may reach Stripe closer together than they left. */
const WINDOW_MS = 1_028;

export function createWindow(clock: Pick<Clock, "monotonic">): Window {
  const enteredAt: number[] = [];
  return {
    wait(perSecond) {
      const oldest = enteredAt[enteredAt.length - perSecond];
      return oldest === undefined ? 0 : oldest + WINDOW_MS - clock.monotonic();
    },
    enter() {
      enteredAt.push(clock.monotonic());
      if (enteredAt.length > 10_000) enteredAt.splice(0, 5_000);
    },
  };
}
