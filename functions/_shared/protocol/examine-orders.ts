import { concernsTheRun } from "../errors.ts";
import { failedDecision } from "../rules/decision-of.ts";
import type { ClaimedOrder, OrderDecision } from "../rules/orders.ts";
import type { Reason } from "../rules/reasons.ts";
import { type ExamineContext, examineOrder } from "./examine-order.ts";
import { createKeyCheck, isKeyDoubtful, isUnknown, type KeyCheck } from "./key-check.ts";

/** By Little's law 16 calls in flight fill 20 payments a second; the rest stand in line for the next burst. */
const IN_FLIGHT = 24;

export type ExamineOrdersOptions = Omit<ExamineContext, "keyCheck" | "dryRun"> & {
  /** No order is begun after this moment. The gateway has a deadline of its own for calls. */
  deadline: Date;
  /** Stops before the first write and says what it would have done. */
  dryRun?: boolean;
  /** Orders examined at the same time. */
  maxInFlight?: number;
  /** What the batches of the same run have learned about its key; this one adds to it. Default: nothing yet. */
  keyCheck?: KeyCheck;
  /** Asked before each order is begun; true: the run has to end, and the rest is handed back. */
  halted?: () => boolean;
  /** Told about every exception that became an `internal_error` decision. */
  onInternalError?: (ref: string, error: unknown) => void;
};

export type ExaminedBatch = {
  /** At most one per order. */
  decisions: OrderDecision[];
  /** Refs of the orders to hand back as if never claimed. */
  untouched: string[];
  /** Why the whole run must stop, or null. */
  stop: Reason | null;
  /** What broke the run, for the caller to throw once the batch is settled; null when nothing did. No order is to blame for it. */
  broken: { error: unknown } | null;
};

/**
 * Examines a batch of claimed orders, several at a time. Never throws for one order: a fault in this program becomes that order's
 * failed attempt, so the others are not held up by it.
 *
 * What broke while an order was examined and concerns the run comes back as `broken`, and the order untouched. After it, after a
 * stop, or when the run is halted, no further order is begun; those in the middle finish what they can.
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
    deadline,
    maxInFlight = IN_FLIGHT,
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
    // One iterator for all workers: each takes the next order that nobody has taken.
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
