import { concernsTheRun } from "../errors.ts";
import type { ClaimedOrder, OrderDecision } from "../orders.ts";
import { examineOrder } from "./examine-order.ts";
import type { StripeGateway } from "./gateway.ts";
import { collectEvidence, isKeyDoubtful, isUnknown, type KeyEvidence } from "./key-evidence.ts";
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
  /** What the batches of the same run have learned about its key; this one adds to it. Default: nothing yet. */
  evidence?: KeyEvidence;
  /** Asked before each order is begun; true: the run has to end, and the rest is handed back. */
  halted?: () => boolean;
  /** Told of every order of which nothing more will be asked, however that ended. */
  onExamined?: (order: ClaimedOrder) => void;
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
};

/**
 * Examines a batch of claimed orders, several at a time. Never throws for one order: a fault in this program becomes
 * that order's `retry`, so the others are not held up by it.
 *
 * What broke while an order was examined and concerns the run, as the database failing, comes back as `broken`, and the order
 * untouched. After it, after a stop, or when the run is halted, no further order is begun; those in the middle finish what they can.
 * After the deadline no call is sent any more, and an order that needed one is left untouched.
 *
 * Whether the key is the wrong one is judged at the end of the batch: any order of it may prove the key right, and orders that
 * Stripe does not know must not hide the ones behind them. With a wrong key those orders are handed back, to the end of the queue,
 * so that the next run looks at others. Otherwise their quarantine stands, and nobody looks at them again.
 */
export async function examineOrders(
  orders: readonly ClaimedOrder[],
  options: ExamineOrdersOptions,
): Promise<ExaminedBatch> {
  const {
    clock,
    maxInFlight = 10,
    evidence = { known: 0, unknown: 0 },
    halted = () => false,
    onExamined,
    onInternalError,
  } = options;
  const context = {
    gateway: retryingGateway(options.gateway, { ...options, policy: options.retry ?? DEFAULT_RETRY }),
    policy: options.policy ?? DEFAULT_POLICY,
    clock,
    dryRun: options.dryRun ?? false,
  };
  const decisions = new Map<string, OrderDecision>();
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
        collectEvidence(evidence, examined.decision?.payments ?? []);
      } catch (error) {
        if (concernsTheRun(error)) return void (broken ??= { error });
        onInternalError?.(order.id, error);
        decisions.set(order.id, failedDecision(order, "internal_error"));
      } finally {
        onExamined?.(order);
      }
    }
  };
  await Promise.all(Array.from({ length: maxInFlight }, work));

  if (isKeyDoubtful(evidence)) {
    stop ??= "too_many_not_found";
    for (const { orderId, payments } of decisions.values()) {
      if (payments.some(isUnknown)) decisions.delete(orderId);
    }
  }
  return {
    decisions: [...decisions.values()],
    untouched: orders.filter(({ id }) => !decisions.has(id)).map(({ id }) => id),
    stop,
    broken,
  };
}

/** A failed attempt at an order that no call to Stripe was needed for, or could be made. */
export function failedDecision({ id, attempt }: Pick<ClaimedOrder, "id" | "attempt">, reason: Reason): OrderDecision {
  return { orderId: id, attempt, outcome: "retry", reason, nextCheckAt: null, payments: [] };
}
