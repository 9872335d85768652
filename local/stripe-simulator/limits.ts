import { type RateLimitReason } from "./errors.ts";

/** Calls per second and calls in flight; `null` means no limit. `endpoints` overrides the defaults per endpoint. */
export type Limits = {
  globalPerSecond: number | null;
  endpointPerSecond: number | null;
  endpoints: Record<string, number | null>;
  globalConcurrency: number | null;
  endpointConcurrency: number | null;
};

/**
 * docs.stripe.com/rate-limits, 2026. The rates are published; the concurrency limits are not, so these are assumptions.
 */
export const PRESETS: Record<"sandbox" | "live" | "unlimited", Limits> = {
  sandbox: {
    globalPerSecond: 25,
    endpointPerSecond: 25,
    endpoints: { "payment_intents.search": 20 },
    globalConcurrency: 25,
    endpointConcurrency: 20,
  },
  live: {
    globalPerSecond: 100,
    endpointPerSecond: 25,
    endpoints: { "payment_intents.search": 20 },
    globalConcurrency: 100,
    endpointConcurrency: 20,
  },
  unlimited: {
    globalPerSecond: null,
    endpointPerSecond: null,
    endpoints: {},
    globalConcurrency: null,
    endpointConcurrency: null,
  },
};

/** Admits at most `limit` calls in any window of `windowMs`, by a log of the latest admissions. */
export class SlidingWindow {
  #times: number[] = [];
  #oldest = 0;

  constructor(readonly windowMs: number) {}

  hasRoom(limit: number, now: number): boolean {
    while (this.#oldest < this.#times.length && this.#times[this.#oldest]! <= now - this.windowMs) this.#oldest++;
    if (this.#oldest > 1000) {
      this.#times = this.#times.slice(this.#oldest);
      this.#oldest = 0;
    }
    return this.#times.length - this.#oldest < limit;
  }

  take(now: number): void {
    this.#times.push(now);
  }
}

/** The limiter of one account in one mode. Only admitted calls count. */
export class Limiter {
  readonly #windows = new Map<string, SlidingWindow>();
  readonly #inFlight = new Map<string, number>();

  /** Null if a place was taken (release it with `leave`), else the reason for a 429. `now` is monotonic, in ms. */
  enter(endpoint: string, limits: Limits, now: number): RateLimitReason | null {
    const perEndpoint = endpoint in limits.endpoints ? limits.endpoints[endpoint]! : limits.endpointPerSecond;
    const global = this.#window("");
    const own = this.#window(endpoint);
    if (limits.globalPerSecond !== null && !global.hasRoom(limits.globalPerSecond, now)) return "global-rate";
    if (perEndpoint !== null && !own.hasRoom(perEndpoint, now)) return "endpoint-rate";
    if (this.#flying("") >= (limits.globalConcurrency ?? Infinity)) return "global-concurrency";
    if (this.#flying(endpoint) >= (limits.endpointConcurrency ?? Infinity)) return "endpoint-concurrency";
    if (limits.globalPerSecond !== null) global.take(now);
    if (perEndpoint !== null) own.take(now);
    this.#inFlight.set("", this.#flying("") + 1);
    this.#inFlight.set(endpoint, this.#flying(endpoint) + 1);
    return null;
  }

  leave(endpoint: string): void {
    this.#inFlight.set("", this.#flying("") - 1);
    this.#inFlight.set(endpoint, this.#flying(endpoint) - 1);
  }

  #flying(name: string): number {
    return this.#inFlight.get(name) ?? 0;
  }

  #window(name: string): SlidingWindow {
    let window = this.#windows.get(name);
    if (window === undefined) this.#windows.set(name, window = new SlidingWindow(1000));
    return window;
  }
}

/** Stripe allows 1,000 updates per PaymentIntent and hour. Counted on the simulated clock. */
export class UpdateQuota {
  readonly #windows = new Map<string, SlidingWindow>();

  constructor(readonly limit: number, readonly nowMs: () => number) {}

  admit(id: string): boolean {
    let window = this.#windows.get(id);
    if (window === undefined) this.#windows.set(id, window = new SlidingWindow(3_600_000));
    const room = window.hasRoom(this.limit, this.nowMs());
    if (room) window.take(this.nowMs());
    return room;
  }
}
