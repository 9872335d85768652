import type { CallBudget } from "./call-budget.ts";
import { endpointOf } from "./endpoint.ts";

export type CallStatistics = {
  calls: number;
  throttled: number;
  callsByEndpoint: Record<string, number>;
};

export type BudgetedFetchOptions = {
  fetch: typeof fetch;
  budget: CallBudget;
  /** Time for one attempt on the wire, in milliseconds. Waiting for a slot does not count. */
  timeoutMs: number;
  statistics: CallStatistics;
  /** Told of each refusal for rate or concurrency, with Stripe's reason. */
  onThrottled?: (endpoint: string, reason: string) => void;
};

/** Requests to one endpoint at the same time. At 20 per second and 400 ms each, 8 are under way (Little's law). */
const MAX_IN_FLIGHT = 10;

/**
 * The `fetch` that the Stripe SDK is given. Every attempt on the wire takes a slot of the call budget, retries included; every
 * refusal for rate is reported. A refusal for concurrency halves the requests in flight, a `lock_timeout` concerns one object
 * and slows nobody down (docs.stripe.com/rate-limits).
 */
export function createBudgetedFetch(
  { fetch, budget, timeoutMs, statistics, onThrottled }: BudgetedFetchOptions,
): typeof globalThis.fetch {
  const inFlight = new Map<string, InFlight>();

  return async (input, init) => {
    const request = new URL(input instanceof Request ? input.url : input);
    const endpoint = endpointOf(init?.method ?? "GET", request.pathname);
    const lane = inFlight.get(endpoint) ??
      { running: 0, max: MAX_IN_FLIGHT, demand: 0, waiting: [] };
    inFlight.set(endpoint, lane);

    lane.demand += 1;
    await enter(lane);
    try {
      await budget.acquire(endpoint, () => lane.demand).finally(() => lane.demand -= 1);
      statistics.calls += 1;
      statistics.callsByEndpoint[endpoint] = (statistics.callsByEndpoint[endpoint] ?? 0) + 1;
      const timeout = AbortSignal.timeout(timeoutMs);
      const signal = init?.signal ? AbortSignal.any([init.signal, timeout]) : timeout;
      const response = await fetch(input, { ...init, signal });
      if (response.status === 429) {
        await handleRefusal(response.headers.get("stripe-rate-limited-reason"), endpoint, lane);
      }
      return response;
    } finally {
      leave(lane);
    }
  };

  async function handleRefusal(reason: string | null, endpoint: string, lane: InFlight): Promise<void> {
    if (reason === null || reason === "resource-specific") return;
    statistics.throttled += 1;
    onThrottled?.(endpoint, reason);
    if (reason.endsWith("-concurrency")) {
      lane.max = Math.max(1, Math.floor(lane.max / 2));
    } else {await budget.throttled(
        endpoint,
        reason.startsWith("global") ? "account" : "endpoint",
      );}
  }
}

/** `demand`: requests that wait for a slot, whether or not they may fly yet. */
type InFlight = {
  running: number;
  max: number;
  demand: number;
  waiting: (() => void)[];
};

async function enter(lane: InFlight): Promise<void> {
  while (lane.running >= lane.max) {
    await new Promise<void>((resolve) => lane.waiting.push(resolve));
  }
  lane.running += 1;
}

function leave(lane: InFlight): void {
  lane.running -= 1;
  lane.waiting.shift()?.();
}
