import { setImmediate } from "node:timers";

/** Time that passes only when everybody sleeps, and as much of it as the next sleeper asked for. */
export function virtualTime({ from = new Date(0), turns = 1 } = {}) {
  let now = 0;
  const sleepers: { at: number; wake: () => void }[] = [];
  const sleep = (ms: number) => new Promise<void>((wake) => sleepers.push({ at: now + ms, wake }));
  return {
    clock: { now: () => new Date(from.getTime() + now), monotonic: () => now, sleep },
    async runUntil<T>(done: Promise<T>): Promise<T> {
      let settled = false;
      done.finally(() => settled = true).catch(() => {});
      while (true) {
        // Turns of the real event loop let every promise that can settle do so.
        for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
        if (settled) return await done;
        const next = sleepers.sort((a, b) => a.at - b.at).shift();
        if (next === undefined) throw new Error("Cannot go on: nobody sleeps and nothing is done");
        now = Math.max(now, next.at);
        next.wake();
      }
    },
  };
}

export type VirtualTime = ReturnType<typeof virtualTime>;

/** The most of these moments in any one second. */
export function peakOf(times: number[]): number {
  return Math.max(0, ...times.map((start) => times.filter((time) => time >= start && time < start + 1_000).length));
}
