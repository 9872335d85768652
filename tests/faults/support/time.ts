import { setImmediate } from "node:timers";
import type { Clock } from "../../../functions/_shared/run/clock.ts";

/** One calendar for the database, Stripe and every run. It only moves on request, so days pass in milliseconds. */
export type SimulatedTime = {
  now(): Date;
  advance(ms: number): void;
  /**
   * What a run is given as its clock: its sleeps take no time and move the calendar, once the run waits for nothing else (`idle`). Calls take
   * no time by this calendar.
   */
  clockOf(idle: () => Promise<void>): Clock;
};

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** Starts at `start`; `onChange` receives every new moment, because the Stripe simulator has its own calendar. */
export function createTime(start: Date, onChange: (now: Date) => void): SimulatedTime {
  let at = start.getTime();
  const moveTo = (ms: number) => {
    at = Math.max(at, ms);
    onChange(new Date(at));
  };
  moveTo(at);
  return {
    now: () => new Date(at),
    advance: (ms) => moveTo(at + ms),
    clockOf: (idle) => ({
      now: () => new Date(at),
      monotonic: () => at,
      async sleep(ms) {
        const wakeAt = at + ms;
        // Whoever sleeps at the same time wakes at its own moment, not after the sum of all sleeps.
        await idle();
        moveTo(wakeAt);
      },
    }),
  };
}

/** Lets everything that waits for nothing from outside run on until it does. */
export async function flush(rounds = 2): Promise<void> {
  for (let round = 0; round < rounds; round++) await new Promise<void>((resolve) => setImmediate(resolve));
}
