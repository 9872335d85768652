/** The simulator's calendar. Real time until someone sets it; a set clock keeps running from there unless frozen. */
export type SimulatorClock = {
  /** Milliseconds since the epoch on the simulated calendar. */
  nowMs(): number;
  /** Whole seconds, the unit of every Stripe timestamp. */
  nowSeconds(): number;
  set(at: Date, options?: { frozen?: boolean }): void;
  advance(ms: number): void;
};

/** Starts at `start`, or at real time when it is left out. Rate windows never use this clock: they run on real time. */
export function createClock(start?: Date): SimulatorClock {
  let offsetMs = start === undefined ? 0 : start.getTime() - Date.now();
  let frozenAtMs: number | null = null;
  const nowMs = () => frozenAtMs ?? Date.now() + offsetMs;
  return {
    nowMs,
    nowSeconds: () => Math.floor(nowMs() / 1000),
    set(at, options = {}) {
      offsetMs = at.getTime() - Date.now();
      frozenAtMs = options.frozen ? at.getTime() : null;
    },
    advance(ms) {
      offsetMs += ms;
      if (frozenAtMs !== null) frozenAtMs += ms;
    },
  };
}
