import type { ClaimedOrder, OrderDecision } from "../orders.ts";
import type { StripeGateway } from "./gateway.ts";
import type { VerdictPolicy } from "./policy.ts";
import type { Reason } from "./reasons.ts";
import type { RetryPolicy } from "./retry.ts";

/** What examining needs from outside. `deadline`: the moment after which no new call to Stripe starts. */
export type ExamineOrdersOptions = {
  gateway: StripeGateway;
  deadline: Date;
  clock: () => Date;
  sleep: (ms: number) => Promise<void>;
  random: () => number;
  policy?: VerdictPolicy;
  retry?: RetryPolicy;
  /** Stops before the first write and says what it would have done. */
  dryRun?: boolean;
  /** Orders examined at the same time; default 10. */
  maxInFlight?: number;
  /** Payments unknown to Stripe that earlier batches of the same run met; default 0. */
  notFoundSoFar?: number;
  /** More than this many in one run stop it; default 10. */
  maxNotFound?: number;
  /** Told about every exception that became an `internal_error` decision. */
  onInternalError?: (orderId: string, error: unknown) => void;
};

export type ExaminedBatch = {
  /** One per finished order. */
  decisions: OrderDecision[];
  /** Ids of the orders to hand back as if never claimed. */
  untouched: string[];
  /** Why the whole run must stop, or null. */
  stop: Reason | null;
  /** Running count for the next batch's `notFoundSoFar`. */
  notFound: number;
};

/** Examines a batch of claimed orders. */
export function examineOrders(
  _orders: readonly ClaimedOrder[],
  _options: ExamineOrdersOptions,
): Promise<ExaminedBatch> {
  throw new Error("Cannot examine orders as the protocol is not written yet");
}
