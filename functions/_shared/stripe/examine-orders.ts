import { concernsTheRun } from "../errors.ts";
import type { ClaimedOrder, OrderDecision } from "../orders.ts";
import { examineOrder } from "./examine-order.ts";
import type { StripeGateway } from "./gateway.ts";
import { DEFAULT_POLICY, type VerdictPolicy } from "./policy.ts";
import type { Reason } from "./reasons.ts";
import { DEFAULT_RETRY, type Pace, retryingGateway, type RetryPolicy } from "./retry.ts";

/** What examining needs from outside; in {@linkcode Pace}, `deadline` is when the last call to Stripe may start. */
export type ExamineOrdersOptions = Pace & {
  gateway: StripeGateway;
  policy?: VerdictPolicy;
  retry?: RetryPolicy;
  /** Stops before the first write and says what it would have done. */
  dryRun?: boolean;
  /** Orders examined at the same time; default 10. By Little's law 8 calls in flight fill 20 calls/s at 0.4 s each. */
  maxInFlight?: number;
  /** Payments unknown to Stripe that earlier batches of the same run met; default 0. */
  notFoundSoFar?: number;
  /** More than this many in one run stop it; default 10. */
  maxNotFound?: number;
  /** Asked before each order is begun; true: the run has to end, and the rest is handed back. */
  halted?: () => boolean;
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
  /** What broke the run, for the caller to throw once the batch is settled; null when nothing did. No order is to blame for it. */
  broken: { error: unknown } | null;
  /** Running count for the next batch's `notFoundSoFar`. */
  notFound: number;
};

/**
 * Examines a batch of claimed orders, several at a time. Never throws for one order: a fault in this program becomes
 * that order's `retry`, so the others are not held up by it.
 *
 * What broke while an order was examined and concerns the run, as the database failing, comes back as `broken`, and the order
 * untouched. After it, after a stop, or when the run is halted, no further order is begun; those in the middle finish what they can.
 * After the deadline no call is sent any more, and an order that needed one is left untouched.
 */
export async function examineOrders(
  orders: readonly ClaimedOrder[],
  options: ExamineOrdersOptions,
): Promise<ExaminedBatch> {
  const { clock, maxInFlight = 10, maxNotFound = 10, halted = () => false, onInternalError } = options;
  const context = {
    gateway: retryingGateway(options.gateway, { ...options, policy: options.retry ?? DEFAULT_RETRY }),
    policy: options.policy ?? DEFAULT_POLICY,
    clock,
    dryRun: options.dryRun ?? false,
  };
  const decisions = new Map<string, OrderDecision>();
  let notFound = options.notFoundSoFar ?? 0;
  let stop: Reason | null = null;
  let broken: ExaminedBatch["broken"] = null;

  const queue = orders.values();
  const work = async () => {
    // One iterator for all workers: each takes the next order that nobody has taken.
    while (stop === null && broken === null && !halted()) {
      const { value: order, done } = queue.next();
      if (done) return;
      try {
        const examined = await examineOrder(order, context);
        if (examined.decision) decisions.set(order.id, examined.decision);
        stop ??= examined.stop;
        notFound += examined.decision?.payments.filter(isNotFound).length ?? 0;
        if (notFound > maxNotFound) stop ??= "too_many_not_found";
      } catch (error) {
        if (concernsTheRun(error)) return void (broken ??= { error });
        onInternalError?.(order.id, error);
        decisions.set(order.id, failedDecision(order, "internal_error"));
      }
    }
  };
  await Promise.all(Array.from({ length: maxInFlight }, work));

  if (stop === "too_many_not_found") withdrawIfNothingWasFound(decisions);
  return {
    decisions: [...decisions.values()],
    untouched: orders.filter(({ id }) => !decisions.has(id)).map(({ id }) => id),
    stop,
    broken,
    notFound,
  };
}

/**
 * With a wrong key Stripe knows none of the payments, and quarantining them would only make work: those orders are
 * handed back. If it knew at least one, the key is right and the others are truly missing: the quarantines stand, or
 * the same orders would come first in every run and stop it again.
 */
function withdrawIfNothingWasFound(decisions: Map<string, OrderDecision>): void {
  const payments = [...decisions.values()].flatMap((decision) => decision.payments);
  if (payments.some(({ evidence }) => evidence.status !== undefined)) return;
  for (const { orderId, payments } of decisions.values()) {
    if (payments.some(isNotFound)) decisions.delete(orderId);
  }
}

function isNotFound({ reason }: { reason: Reason }): boolean {
  return reason === "payment_not_found" || reason === "account_access_lost";
}

/** A failed attempt at an order that no call to Stripe was needed for, or could be made. */
export function failedDecision({ id, attempt }: Pick<ClaimedOrder, "id" | "attempt">, reason: Reason): OrderDecision {
  return { orderId: id, attempt, outcome: "retry", reason, nextCheckAt: null, payments: [] };
}
