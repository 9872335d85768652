/** Time as an argument. `now` is the database's time, `monotonic` milliseconds that never jump. */
export type Clock = {
  now(): Date;
  monotonic(): number;
  sleep(ms: number): Promise<void>;
};

/**
 * A clock that shows the database's time: its answer at the start of the run plus the time that has passed since. Deadlines live in the
 * database, and an isolate's own clock may be minutes off.
 */
export function clockFrom(databaseNow: Date, monotonic: () => number = () => performance.now()): Clock {
  const startedAt = monotonic();
  return {
    now: () => new Date(databaseNow.getTime() + (monotonic() - startedAt)),
    monotonic,
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  };
}
