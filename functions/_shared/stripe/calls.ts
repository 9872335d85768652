import { type CallKind, NO_TRACE, type Outcome, outcomeOfError, outcomeOfRefusal } from "./outcome.ts";
import { createPace, type PaceOptions, type Permission } from "./pace.ts";

/** Attempts at a read, the first one included. */
const ATTEMPTS = 3;
const FIRST_PAUSE_MS = 250;

/** Calls on the wire, retries included; `throttled`: those that Stripe refused for rate or concurrency. */
export type CallStatistics = { calls: number; throttled: number; callsByEndpoint: Record<string, number> };

export type CallOptions = PaceOptions & {
  statistics: CallStatistics;
  /** Told of each refusal for rate or concurrency. */
  onThrottled?: ((endpoint: string, limit: "rate" | "concurrency") => void) | undefined;
  random?: () => number;
  firstPauseMs?: number;
};

/** One call to Stripe. `parse` reads the answer, or the object that an error carries; null: it cannot be read. */
export type Call<T> = { endpoint: string; send: () => Promise<Answer>; parse: (answer: Answer) => T | null };
export type Answer = object & { lastResponse: { statusCode: number; requestId: string; headers: unknown } };

/** Makes calls to Stripe at Lapse's pace; what went wrong comes back as a value. */
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
      pace.leave();
    }
  }

  return {
    setRate: pace.setRate,
    close: pace.close,

    /**
     * A read or a list: waits for its turn, and is repeated while the failure is transient. `cost` in payments. What Stripe said last
     * stands when no repetition finds its turn before the deadline.
     */
    async read<T>(call: Call<T>, cost: number): Promise<Outcome<T>> {
      let last: Outcome<T> | null = null;
      for (let attempts = 1;; attempts++) {
        const permission = await pace.turn(call.endpoint, cost);
        if (permission !== "go") return last ?? unsent(permission);
        last = await attempt(call, "read");
        if (!isTransient(last) || attempts === ATTEMPTS) return last;
        // Doubles per attempt, spread over its upper half: payments that failed together must not come back together.
        const pause = firstPauseMs * 2 ** (attempts - 1) * (0.5 + random() / 2);
        if (clock.now().getTime() + pause >= deadline.getTime()) return last;
        await clock.sleep(pause);
      }
    },

    /** A cancel or an expire: goes at once and once. It acts on what was read right before, and only its caller can read again. */
    async write<T>(call: Call<T>): Promise<Outcome<T>> {
      const permission = pace.follow(call.endpoint);
      return permission === "go" ? await attempt(call, "write") : unsent(permission);
    },
  };
}

async function outcomeOf<T>({ send, parse }: Omit<Call<T>, "endpoint">, kind: CallKind): Promise<Outcome<T>> {
  try {
    const answer = await withoutStackTrace(send);
    const { statusCode: httpStatus, requestId = null } = answer.lastResponse;
    // The SDK takes any JSON without an `error` key for a success, whatever the HTTP status.
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

/** A card error on a read is no hiccup; whatever it is, repeating it will not cure it. */
function isTransient(outcome: Outcome<unknown>): boolean {
  return outcome.kind === "throttled" || (outcome.kind === "unknown" && outcome.why !== "card_error");
}

/**
 * The SDK writes down the caller's stack at every call, for the case that it fails: a quarter of the CPU time of a whole order.
 * Here failures are values, and what they say does not depend on who asked.
 */
function withoutStackTrace<T>(call: () => T): T {
  const errors: { stackTraceLimit?: number } = Error;
  const limit = errors.stackTraceLimit;
  // Not 0: that would still format a stack, an empty one.
  errors.stackTraceLimit = undefined;
  try {
    return call();
  } finally {
    errors.stackTraceLimit = limit;
  }
}
