/** Decides which lines are written, so that no window of 10 s has too many. */
export type LineLimit = {
  /** `leftOut`: lines left out since the last one that was written, by event; null for none. */
  admit(event: string): { admitted: boolean; leftOut: Record<string, number> | null };
};

const WINDOW_MS = 10_000;
/** The platform takes 100; ten for what the runtime itself says, and for clocks that count a window differently. */
const MOST = 90;
/** Batches and single orders get this many, the beginning and the end of runs the rest. */
const MOST_OF_WORK = 60;

/** One for all lines of a function: the platform counts them together. Any window of 10 s counts, wherever it begins. */
export function createLineLimit(monotonic: () => number): LineLimit {
  let written: number[] = [];
  let leftOut: Record<string, number> | null = null;
  return {
    admit(event) {
      const now = monotonic();
      written = written.filter((at) => now - at < WINDOW_MS);
      if (written.length >= (isFrame(event) ? MOST : MOST_OF_WORK)) {
        leftOut = { ...leftOut, [event]: (leftOut?.[event] ?? 0) + 1 };
        return { admitted: false, leftOut: null };
      }
      written.push(now);
      const told = leftOut;
      leftOut = null;
      return { admitted: true, leftOut: told };
    },
  };
}

/** run_started, run_closed, request_broke, …: few, and without them the others say nothing. */
function isFrame(event: string): boolean {
  return /^(run|request)_/.test(event);
}
