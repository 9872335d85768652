/** What a fault is able to cause: errors of the database, errors of Stripe, or nothing but waiting. */
export type Cause = "database" | "stripe" | "waiting";

/** The present and past faults, to distinguish errors that a fault explains from others. */
export type Weather = {
  /** How often each fault struck. */
  counts: Record<string, number>;
  /** `repair` runs when what the fault cut is noticed, and the fault explains errors until then. */
  strike(cause: Cause, fault: string, work: () => Promise<unknown>, repair?: () => Promise<unknown>): Promise<void>;
  /** Whether a fault of this cause was under way at any moment since `from`, a time of `performance.now()`. */
  explains(cause: Cause, from: number): boolean;
  /** Resolves when every fault is over and repaired. */
  calm(): Promise<void>;
};

/**
 * A fault is noticed this much later at the most: the end of a connection has to arrive. Counted in turns of the event loop, because on a
 * busy machine this process may stand still for seconds. Its timers then run before it reads that a connection is gone.
 */
const NOTICED_AFTER = { turns: 20, turnMs: 100 };

export function createWeather(): Weather {
  const faults: { cause: Cause; to: number }[] = [];
  const counts: Record<string, number> = {};
  return {
    counts,
    async strike(cause, name, work, repair = () => Promise.resolve()) {
      counts[name] = (counts[name] ?? 0) + 1;
      const fault = { cause, to: Infinity };
      faults.push(fault);
      try {
        await work();
      } finally {
        void noticed().then(repair).finally(() => fault.to = performance.now());
      }
    },
    explains: (cause, from) => faults.some((fault) => fault.cause === cause && fault.to >= from),
    async calm() {
      while (faults.some(({ to }) => to === Infinity)) await sleep(100);
    },
  };
}

async function noticed(): Promise<void> {
  for (let turn = 0; turn < NOTICED_AFTER.turns; turn++) await sleep(NOTICED_AFTER.turnMs);
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(ms, 0)));
}

/** Draws from the list in random order, and each once before any comes again. */
export function deckOf<T>(list: T[], random: () => number): () => T {
  let left: T[] = [];
  return () => {
    if (left.length === 0) left = [...list];
    return left.splice(Math.floor(random() * left.length), 1)[0]!;
  };
}
