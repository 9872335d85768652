import { reasonOf, UnsentCallError } from "../errors.ts";
import type { CallBudget } from "./call-budget.ts";
import { endpointOf } from "./endpoint.ts";
import type { ExpectedCalls } from "./expected-calls.ts";
import { refusalIn } from "./refusal.ts";
import { createSeats, type Seats } from "./seats.ts";

export type CallStatistics = {
  calls: number;
  throttled: number;
  callsByEndpoint: Record<string, number>;
};

export type BudgetedFetchOptions = {
  fetch: typeof fetch;
  budget: CallBudget;
  /** Calls that nobody waits for yet; default none. */
  expected?: Pick<ExpectedCalls, "of">;
  /** Time for one attempt on the wire, in milliseconds. Waiting for a slot does not count. */
  timeoutMs: number;
  statistics: CallStatistics;
  /** Told of each refusal for rate or concurrency, with Stripe's reason. */
  onThrottled?: (endpoint: string, reason: string) => void;
  /** Told when a refusal for rate could not be reported, so that other runs are not slowed down by it. */
  onUnreported?: (endpoint: string, error: unknown) => void;
};

/** Requests to one endpoint at the same time. At 20 per second and 400 ms each, 8 are under way (Little's law). */
const MAX_IN_FLIGHT = 10;

/**
 * The `fetch` that the Stripe SDK is given. Every attempt on the wire takes a slot of the call budget, retries included; every
 * refusal for rate is reported. A refusal for concurrency halves the requests in flight, a `lock_timeout` concerns one object
 * and slows nobody down (docs.stripe.com/rate-limits).
 *
 * What fails on the wire is thrown as it is. What fails before it is an UnsentCallError: nothing was sent, and nothing is counted.
 */
export function createBudgetedFetch(options: BudgetedFetchOptions): typeof globalThis.fetch {
  const { fetch, budget, timeoutMs, statistics, expected = { of: () => 0 } } = options;
  const lanes = new Map<string, Lane>();

  return async (input, init) => {
    const request = new URL(input instanceof Request ? input.url : input);
    const endpoint = endpointOf(init?.method ?? "GET", request.pathname);
    const lane = lanes.get(endpoint) ?? { waiting: new Set(), seats: createSeats(MAX_IN_FLIGHT) };
    lanes.set(endpoint, lane);

    await waitForTurn(endpoint, { lane, budget, expected, signal: init?.signal });
    try {
      statistics.calls += 1;
      statistics.callsByEndpoint[endpoint] = (statistics.callsByEndpoint[endpoint] ?? 0) + 1;
      const timeout = AbortSignal.timeout(timeoutMs);
      const signal = init?.signal ? AbortSignal.any([init.signal, timeout]) : timeout;
      const response = await fetch(input, { ...init, signal });
      await slowDownAfter(response, { ...options, endpoint, lane });
      return response;
    } finally {
      lane.seats.leave();
    }
  };
}

/** `waiting`: requests that wait for a slot, whether or not they may fly yet. */
type Lane = { waiting: Set<symbol>; seats: Seats };

type Turn = {
  lane: Lane;
  budget: CallBudget;
  expected: Pick<ExpectedCalls, "of">;
  signal?: AbortSignal | null | undefined;
};

/** Resolves with a seat taken and a slot used. Rejects with neither. */
async function waitForTurn(endpoint: string, { lane, budget, expected, signal }: Turn): Promise<void> {
  const request = Symbol();
  lane.waiting.add(request);
  const leave = () => void lane.waiting.delete(request);
  try {
    await lane.seats.enter(signal);
    const demand = () => lane.waiting.size + expected.of(endpoint);
    await budget.acquire(endpoint, { demand, served: leave, signal }).catch((error) => {
      lane.seats.leave();
      if (error instanceof UnsentCallError) throw error;
      throw new UnsentCallError("budget", `Cannot reserve calls to Stripe: current value is ${reasonOf(error)}`, {
        cause: error,
      });
    });
  } finally {
    leave();
  }
}

/** Never throws: whatever happens here, the reply means what it says. */
async function slowDownAfter(
  response: Response,
  { endpoint, lane, budget, statistics, onThrottled, onUnreported }: BudgetedFetchOptions & {
    endpoint: string;
    lane: Lane;
  },
): Promise<void> {
  const refusal = await refusalIn(response);
  if (refusal === null) return;
  statistics.throttled += 1;
  onThrottled?.(endpoint, refusal.reason);
  if (refusal.limit === "concurrency") return lane.seats.halve();
  try {
    await budget.throttled(endpoint, refusal.scope);
  } catch (error) {
    onUnreported?.(endpoint, error);
  }
}
