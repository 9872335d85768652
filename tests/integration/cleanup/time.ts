import type { Clock } from "../../../functions/_shared/run/clock.ts";

/** Time of a simulation: it passes like real time, but who sleeps is carried to the end of the sleep at once. */
export type Time = Clock & { advance(ms: number): void };

/** `realTime`: who sleeps really sleeps. */
export function createTime({ realTime }: { realTime: boolean }): Time {
  let ahead = 0;
  const monotonic = () => performance.now() + ahead;
  return {
    monotonic,
    now: () => new Date(performance.timeOrigin + monotonic()),
    advance: (ms) => void (ahead += ms),
    async sleep(ms) {
      const wakeAt = monotonic() + ms;
      // Others who are ready go first. Several who sleep the same time are carried there together.
      await new Promise((resolve) => setTimeout(resolve, realTime ? ms : 0));
      if (!realTime) ahead += Math.max(0, wakeAt - monotonic());
    },
  };
}
