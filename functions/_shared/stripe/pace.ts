import type { Clock } from "../run/clock.ts";
import { RateLimiter } from "./rate-limiter.ts";
import { Semaphore } from "./semaphore.ts";

/** Stripe's limit of one endpoint, live and test; all ids of it together. */
const ENDPOINT_PER_SECOND = 25;
/** A second, and the jitter with which two requests may reach Stripe closer together than they left. */
const WINDOW_MS = 1_028;
/** By Little's law 16 calls in flight are 20 payments a second, two calls each, at 0.4 s a call. */
const MAX_IN_FLIGHT = 20;

/** What a call costs, in payments: a read pays for the write that may follow it. */
export const READ = 1;
export const LIST = 0.5;

/** `out_of_time`: no call starts after the deadline. `crowded`: only for a call that cannot wait. */
export type Permission = "go" | "out_of_time" | "crowded";

/**
 * When a call to Stripe may start. One process, one pace: others keep to their own, and together they stay below Stripe's limits.
 *
 * A payment begins with a read, and the read waits for the payment's turn. What follows it, a cancel, goes at once: between the two
 * lies one round trip, so that a voucher issued or a card authorised meanwhile is seen.
 */
export type Pace = {
  /** Waits until a call to this endpoint may start, and takes its place. */
  turn(endpoint: string, cost: number): Promise<Permission>;
  /** For a write that follows a read: now or never. Its read has paid for it. */
  follow(endpoint: string): Permission;
  /** The call is over; every `go` is followed by one. */
  leave(): void;
  /** Stripe refused a call for its rate or its concurrency, which was sent at this time of the clock. */
  slowDown(limit: "rate" | "concurrency", sentAt: number): void;
  setRate(paymentsPerSecond: number): void;
  /** No call starts any more, and whoever waits hears it at once. */
  close(): void;
};

export type PaceOptions = {
  clock: Clock;
  /** No call starts after this moment. */
  deadline: Date;
  paymentsPerSecond: number;
  /** Calls to one endpoint in any second; default Stripe's limit. */
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
  const { clock, deadline, endpointPerSecond = ENDPOINT_PER_SECOND, maxInFlight = MAX_IN_FLIGHT } = options;
  const limiter = new RateLimiter(options.paymentsPerSecond, clock.monotonic());
  const semaphore = new Semaphore(maxInFlight);
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
    semaphore.enter();
  }

  /** Starts whatever may start; true: somebody still waits. */
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

  /** One loop wakes for all who wait, four times a second. */
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
    turn(endpoint, cost) {
      return new Promise((resolve, reject) => {
        queue.push({ endpoint, cost, resolve, reject });
        void pump();
      });
    },
    follow(endpoint) {
      const now = clock.monotonic();
      if (isOver()) return "out_of_time";
      if (isFull(endpoint, now)) return "crowded";
      start(endpoint, now);
      return "go";
    },
    leave: () => semaphore.leave(),
    slowDown(limit, sentAt) {
      const now = clock.monotonic();
      if (limit === "concurrency") semaphore.halve(now, sentAt);
      limiter.slowDown(now, sentAt);
    },
    setRate: (paymentsPerSecond) => limiter.setRate(paymentsPerSecond),
    close() {
      isClosed = true;
      startWaiting();
    },
  };
}
