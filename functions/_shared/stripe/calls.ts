import { type CallKind, NO_TRACE, type Outcome, outcomeOfError, outcomeOfRefusal } from "./outcome.ts";
import { createPace, type PaceOptions, type Permission } from "./pace.ts";

/** Attempts at a read, including the first. */
const MAX_ATTEMPTS = 3;
const FIRST_PAUSE_MS = 250;

/** Calls on the wire, including retries. `throttled`: those that Stripe refused for rate or concurrency. */
export type CallStatistics = { calls: number; throttled: number; callsByEndpoint: Record<string, number> };

export type CallOptions = PaceOptions & {
  statistics: CallStatistics;
  /** Called for each refusal for rate or concurrency. */
  onThrottled?: ((endpoint: string, limit: "rate" | "concurrency") => void) | undefined;
  random?: () => number;
  firstPauseMs?: number;
};

/** One call to Stripe. `parse` reads the answer, or the object in an error; it returns null for what it cannot read. */
export type Call<T> = { endpoint: string; send: () => Promise<Answer>; parse: (answer: Answer) => T | null };
export type Answer = object & { lastResponse: { statusCode: number; requestId: string; headers: unknown } };

/** Makes calls to Stripe at Lapse's pace and returns failures as values. */
export function createCalls(options: CallOptions) {
  const { clock, deadline, statistics, onThrottled, random = Math.random, firstPauseMs = FIRST_PAUSE_MS } = options;
  const pace = createPace(options);

  async function attempt<T>({ endpoint, ...call }: Call<T>, kind: CallKind): Promise<Outcome<T>> {
    const sentAt = clock.monotonic();
    statistics.calls += 1;
    statistics.callsByEndpoint[endpoint] = (statistics.callsByEndpoint[endpoint] ?? 0) + 1;
    try {
      const outcome = await outcomeOf(call, kind);
      if (outcome.kind === "throttled") {
        statistics.throttled += 1;
        pace.slowDown(outcome.limit, sentAt);
        onThrottled?.(endpoint, outcome.limit);
      }
      return outcome;
    } finally {
      pace.release();
    }
  }

  return {
    setRate: pace.setRate,
    close: pace.close,

    /**
     * Reads or lists: waits for its turn, and retries transient failures. `cost` is in payments. When no time is left for a retry, the
     * last answer stands.
     */
    async read<T>(call: Call<T>, cost: number): Promise<Outcome<T>> {
      let last: Outcome<T> | null = null;
      for (let attempts = 1;; attempts++) {
        const permission = await pace.acquire(call.endpoint, cost);
        if (permission !== "go") return last ?? unsent(permission);
        last = await attempt(call, "read");
        if (!isTransient(last) || attempts === MAX_ATTEMPTS) return last;
        // Doubles per attempt, with jitter: reads that failed together must not be retried together.
        const pause = firstPauseMs * 2 ** (attempts - 1) * (0.5 + random() / 2);
        if (clock.now().getTime() + pause >= deadline.getTime()) return last;
        await clock.sleep(pause);
      }
    },

    /** Cancels, expires or refunds: at once, and without a retry, because a write acts on what its caller has just read. */
    async write<T>(call: Call<T>): Promise<Outcome<T>> {
      const permission = pace.tryAcquire(call.endpoint);
      return permission === "go" ? await attempt(call, "write") : unsent(permission);
    },
  };
}

async function outcomeOf<T>({ send, parse }: Omit<Call<T>, "endpoint">, kind: CallKind): Promise<Outcome<T>> {
  try {
    const answer = await withoutStackTrace(send);
    const { statusCode: httpStatus, requestId = null } = answer.lastResponse;
    // The SDK treats any JSON without an `error` key as a success, whatever the HTTP status.
    if (httpStatus >= 400) return outcomeOfRefusal({ httpStatus, requestId }, kind);
    const trace = { ...NO_TRACE, requestId };
    const object = parse(answer);
    return object === null ? { kind: "unknown", why: "bad_reply", trace } : { kind: "object", object, trace };
  } catch (error) {
    return outcomeOfError(error, { kind, parse: (raw) => parse(raw as Answer) });
  }
}

function unsent<T>(why: Exclude<Permission, "go">): Outcome<T> {
  return { kind: "unsent", why, trace: NO_TRACE };
}

/** A card error on a read is not transient: a retry would get the same answer. */
function isTransient(outcome: Outcome<unknown>): boolean {
  return outcome.kind === "throttled" || (outcome.kind === "unknown" && outcome.why !== "card_error");
}

/**
 * Makes a call without the stack trace that the SDK records each time in case of an error: that would take a quarter of an order's CPU
 * time. Failures are values here, and do not need it.
 */
function withoutStackTrace<T>(call: () => T): T {
  const errors: { stackTraceLimit?: number } = Error;
  const limit = errors.stackTraceLimit;
  // Not 0, which would still format an empty stack.
  errors.stackTraceLimit = undefined;
  try {
    return call();
  } finally {
    errors.stackTraceLimit = limit;
  }
}
