import { concernsTheRun } from "../errors.ts";
import { failedDecision } from "../rules/decision-of.ts";
import type { ClaimedOrder, OrderDecision } from "../rules/orders.ts";
import type { Reason } from "../rules/reasons.ts";
import { type ExamineContext, examineOrder } from "./examine-order.ts";
import { createKeyCheck, isKeyDoubtful, isUnknown, type KeyCheck } from "./key-check.ts";

/** Orders of a batch examined at the same time: more than the calls that the pace keeps in flight, so that the pace is the limit. */
const MAX_ORDERS_AT_ONCE = 25;

export type ExamineOrdersOptions = Omit<ExamineContext, "keyCheck" | "dryRun"> & {
  /** No order is begun after this moment. The gateway has its own deadline for calls. */
  deadline: Date;
  /** Stops before the first write, and decides what it would have done. */
  dryRun?: boolean;
  /** Orders examined at the same time. */
  maxInFlight?: number;
  /** What the run's batches have learned about its key; this batch adds to it. */
  keyCheck?: KeyCheck;
  /** Called before each order is begun. If it returns true, the remaining orders are handed back. */
  halted?: () => boolean;
  /** Called for every exception that became an `internal_error` decision. */
  onInternalError?: (ref: string, error: unknown) => void;
};

export type ExaminedBatch = {
  /** At most one per order. */
  decisions: OrderDecision[];
  /** Refs of the orders to hand back as if they had never been claimed. */
  untouched: string[];
  /** Why the whole run must stop, or null. */
  stop: Reason | null;
  /** The error that broke the run, to be thrown once the batch is settled; or null. No order caused it. */
  broken: { error: unknown } | null;
};

/**
 * Examines a batch of claimed orders, several at a time. It never throws for one order: a fault in this program becomes a failed attempt
 * of that order and does not hold up the others.
 *
 * An error that concerns the run is returned as `broken`, and its order as untouched. After it, after a stop, or when the run is halted,
 * no further order is begun; orders that were begun are finished as far as possible.
 *
 * Only the end of the batch shows whether the key is wrong, because any order may prove it right. With a wrong key, orders whose payments
 * Stripe does not know are handed back to the end of the queue, so that the next run inspects others. Otherwise they are quarantined.
 */
export async function examineOrders(
  orders: readonly ClaimedOrder[],
  options: ExamineOrdersOptions,
): Promise<ExaminedBatch> {
  const {
    clock,
    deadline,
    maxInFlight = MAX_ORDERS_AT_ONCE,
    keyCheck = createKeyCheck(),
    dryRun = false,
    halted = () => false,
    onInternalError,
  } = options;
  const context = { ...options, keyCheck, dryRun };
  const decisions = new Map<string, OrderDecision>();
  const batch: Pick<ExaminedBatch, "stop" | "broken"> = { stop: null, broken: null };
  const mayBegin = () => batch.stop === null && batch.broken === null && !halted() && clock.now() < deadline;

  const queue = orders.values();
  const work = async () => {
    // All workers share one iterator: each takes the next order that no other has taken.
    while (mayBegin()) {
      const { value: order, done } = queue.next();
      if (done) return;
      try {
        const { decision, stop } = await examineOrder(order, context);
        if (decision) decisions.set(order.ref, decision);
        batch.stop ??= stop;
      } catch (error) {
        if (concernsTheRun(error)) return void (batch.broken ??= { error });
        onInternalError?.(order.ref, error);
        decisions.set(order.ref, failedDecision(order, "internal_error"));
      }
    }
  };
  await Promise.all(Array.from({ length: maxInFlight }, work));

  if (isKeyDoubtful(keyCheck)) {
    batch.stop ??= "too_many_not_found";
    for (const { ref, payments } of decisions.values()) {
      if (payments.some(isUnknown)) decisions.delete(ref);
    }
  }
  return {
    decisions: [...decisions.values()],
    untouched: orders.filter(({ ref }) => !decisions.has(ref)).map(({ ref }) => ref),
    ...batch,
  };
}
