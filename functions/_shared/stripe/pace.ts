import type { Clock } from "../run/clock.ts";
import { RateLimiter } from "./rate-limiter.ts";

/** One second plus jitter: two requests may arrive at Stripe closer together than they were sent. */
const WINDOW_MS = 1_028;
/** By Little's law, 16 calls in flight make 20 payments per second, with two calls each and 0.4 s per call. */
const MAX_IN_FLIGHT = 20;

/**
 * The limits follow the rate. Of the 25 calls a second that Stripe allows an endpoint, a process gets the same part as of the 20 payments
 * a second that all of Lapse starts. A rate above those means that Stripe raised the limits of the account.
 */
const endpointLimitAt = (paymentsPerSecond: number) => Math.ceil(1.25 * paymentsPerSecond);
const inFlightAt = (paymentsPerSecond: number) => Math.max(MAX_IN_FLIGHT, Math.ceil(paymentsPerSecond));

/** The cost of a call, in payments. A read pays for the write that may follow it. */
export const READ_COST = 1;
export const LIST_COST = 0.5;

/** `out_of_time`: no call starts after the deadline. `crowded`: a write would have to wait. */
export type Permission = "go" | "out_of_time" | "crowded";

/**
 * Decides when a call to Stripe may start. Each process has its own pace, and together they stay below Stripe's limits.
 *
 * A payment begins with a read, which waits for its turn. The cancel that follows starts at once, only one round trip later, so that it
 * acts on a fresh answer: a voucher issued or a card authorised since then would be cancelled with the payment.
 */
export type Pace = {
  /** Waits until a read of this endpoint may start. */
  acquire(endpoint: string, cost: number): Promise<Permission>;
  /** Starts a write at once or refuses it. The read before it has paid for it. */
  tryAcquire(endpoint: string): Permission;
  /** Call this after every call that was permitted. */
  release(): void;
  /** Call this when Stripe refused a call that was sent at `sentAt`. */
  slowDown(limit: "rate" | "concurrency", sentAt: number): void;
  setRate(paymentsPerSecond: number): void;
  /** Starts no further call, and refuses those that wait. */
  close(): void;
};

export type PaceOptions = {
  clock: Clock;
  /** No call starts after this moment. */
  deadline: Date;
  paymentsPerSecond: number;
  /** Calls to one endpoint per second, and calls in flight; by default they follow the rate. */
  endpointPerSecond?: number;
  maxInFlight?: number;
};

type Waiting = {
  endpoint: string;
  cost: number;
  resolve: (permission: Permission) => void;
  reject: (error: unknown) => void;
};

export function createPace(options: PaceOptions): Pace {
  const { clock, deadline, maxInFlight } = options;
  const limiter = new RateLimiter(options.paymentsPerSecond, clock.monotonic());
  const semaphore = new Semaphore(maxInFlight ?? inFlightAt(options.paymentsPerSecond));
  let endpointPerSecond = options.endpointPerSecond ?? endpointLimitAt(options.paymentsPerSecond);
  const startedAt = new Map<string, number[]>();
  const queue: Waiting[] = [];
  let isPumping = false;
  let isClosed = false;

  const isOver = () => isClosed || clock.now() >= deadline;

  function isFull(endpoint: string, now: number): boolean {
    const starts = startedAt.get(endpoint) ?? [];
    while (starts[0] !== undefined && starts[0] <= now - WINDOW_MS) starts.shift();
    return starts.length >= endpointPerSecond;
  }

  function start(endpoint: string, now: number): void {
    const starts = startedAt.get(endpoint) ?? [];
    startedAt.set(endpoint, starts);
    starts.push(now);
    semaphore.acquire();
  }

  /** Starts the reads that may start. Returns whether others still wait. */
  function startWaiting(): boolean {
    if (isOver()) { for (const { resolve } of queue.splice(0)) resolve("out_of_time"); }
    const now = clock.monotonic();
    for (let next = queue[0]; next; next = queue[0]) {
      if (!limiter.mayStart(now) || !semaphore.hasRoom(now) || isFull(next.endpoint, now)) return true;
      queue.shift();
      limiter.debit(next.cost, now);
      start(next.endpoint, now);
      next.resolve("go");
    }
    return false;
  }

  /** One loop serves all waiting reads, four times a second. */
  async function pump(): Promise<void> {
    if (isPumping) return;
    isPumping = true;
    try {
      while (startWaiting()) {
        const left = deadline.getTime() - clock.now().getTime();
        await clock.sleep(Math.max(Math.min(limiter.untilNextBurst(clock.monotonic()), left), 1));
      }
    } catch (error) {
      for (const { reject } of queue.splice(0)) reject(error);
    } finally {
      isPumping = false;
    }
  }

  return {
    acquire(endpoint, cost) {
      return new Promise((resolve, reject) => {
        queue.push({ endpoint, cost, resolve, reject });
        void pump();
      });
    },
    tryAcquire(endpoint) {
      const now = clock.monotonic();
      if (isOver()) return "out_of_time";
      if (isFull(endpoint, now)) return "crowded";
      start(endpoint, now);
      return "go";
    },
    release: () => semaphore.release(),
    slowDown(limit, sentAt) {
      const now = clock.monotonic();
      if (limit === "concurrency") semaphore.halve(now, sentAt);
      limiter.slowDown(now, sentAt);
    },
    setRate(paymentsPerSecond) {
      limiter.setRate(paymentsPerSecond);
      endpointPerSecond = options.endpointPerSecond ?? endpointLimitAt(paymentsPerSecond);
      semaphore.setMax(maxInFlight ?? inFlightAt(paymentsPerSecond));
    },
    close() {
      isClosed = true;
      startWaiting();
    },
  };
}

/**
 * Counts the calls under way. Only the first call of a payment checks `hasRoom`: a cancel that waited would act on an old inspection. The
 * time is an argument, in monotonic milliseconds.
 */
export class Semaphore {
  #max: number;
  #permits: number;
  #acquired = 0;
  #halvedAt = -Infinity;

  constructor(permits: number) {
    this.#max = this.#permits = permits;
  }

  hasRoom(now: number): boolean {
    return this.#acquired < this.#permitsAt(now);
  }

  acquire(): void {
    this.#acquired += 1;
  }

  release(): void {
    this.#acquired -= 1;
  }

  /** Halves the permits, down to one; each second restores one. Refusals of calls sent before the last halving count as one. */
  halve(now: number, sentAt: number): void {
    if (sentAt <= this.#halvedAt) return;
    this.#permits = Math.max(1, Math.floor(this.#permitsAt(now) / 2));
    this.#halvedAt = now;
  }

  /** Changes the number of permits. Those that a refusal took away come back as before. */
  setMax(permits: number): void {
    this.#max = permits;
  }

  #permitsAt(now: number): number {
    const seconds = Math.floor((now - this.#halvedAt) / 1_000);
    return seconds === Infinity ? this.#max : Math.min(this.#max, this.#permits + seconds);
  }
}
