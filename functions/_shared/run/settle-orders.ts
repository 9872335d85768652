import type { SettledOrders } from "../database/orders.ts";
import { isRefusal, isTimeout } from "../database/refusals.ts";
import { reasonOf } from "../errors.ts";
import type { OrderDecision } from "../rules/orders.ts";
import type { OrderRun } from "./order-run.ts";

/** `failed`: orders of which nothing but a failed attempt came. `delay`: why orders went back undecided, or null. */
export type SettledBatch = Pick<SettledOrders, "outcomes" | "superseded"> & { failed: number; delay: string | null };

/**
 * Settles a batch, in one call as a rule. An order that the database refuses to settle is a failed attempt of its own: the others
 * must not lapse with it, time after time, until all of them are quarantined. When the database gives up waiting, for a lock on an
 * article perhaps, no order is to blame, and those not settled yet are handed back.
 *
 * @throws whatever else the database answers, a lost lease above all: then this run may settle nothing any more.
 */
export async function settleOrders(decisions: OrderDecision[], run: OrderRun): Promise<SettledBatch> {
  const { log } = run.ports;
  const first = await settleInHalves(decisions, run);
  for (const { decision, error } of first.refused) {
    log.error("order_refused", { ref: decision.ref, error: reasonOf(error) });
  }

  // Neither moves stock, so neither waits for an article.
  const second = await settleInHalves([
    // What Stripe said may be what was refused. The next look finds it again.
    ...first.refused.map(({ decision }) => failedAttempt(decision, "settlement_refused")),
    ...first.open.map(handedBack),
  ], run);
  // Not even the failed attempt could be written: the claim lapses, which counts as one.
  for (const { decision, error } of second.refused) {
    log.error("order_unsettled", { ref: decision.ref, error: reasonOf(error) });
  }
  if (second.timeout) throw second.timeout;

  const outcomes = sum(first.outcomes, second.outcomes);
  return {
    outcomes,
    superseded: first.superseded + second.superseded,
    failed: (outcomes.retry ?? 0) + second.refused.length,
    delay: first.timeout && reasonOf(first.timeout),
  };
}

type Halves = Pick<SettledOrders, "outcomes" | "superseded"> & {
  refused: { decision: OrderDecision; error: unknown }[];
  /** What gave up waiting; no call followed it. */
  timeout: Error | null;
  /** Decisions that were not settled for it. */
  open: OrderDecision[];
};

/** What is refused together is tried in halves, until each order that is refused stands alone. */
async function settleInHalves(
  decisions: OrderDecision[],
  { ports: { database }, lease, gateway }: OrderRun,
): Promise<Halves> {
  const result: Halves = { outcomes: {}, superseded: 0, refused: [], timeout: null, open: [] };
  const batches = decisions.length > 0 ? [decisions] : [];
  for (let batch = batches.pop(); batch; batch = batches.pop()) {
    try {
      const { outcomes, superseded, paymentsPerSecond } = await database.settleOrders(lease, batch);
      result.outcomes = sum(result.outcomes, outcomes);
      result.superseded += superseded;
      // Clean-up and webhook may have begun or ended meanwhile.
      gateway.setRate(paymentsPerSecond);
    } catch (error) {
      if (isTimeout(error)) return { ...result, timeout: error, open: [...batch, ...batches.flat()] };
      if (!isRefusal(error)) throw error;
      if (batch.length === 1) result.refused.push({ decision: batch[0]!, error });
      else batches.push(batch.slice(batch.length >> 1), batch.slice(0, batch.length >> 1));
    }
  }
  return result;
}

/** A failed attempt, without what Stripe may have said of the payments. Open or not, the database backs off and gives up at last. */
export function failedAttempt(
  { ref, attempt }: Pick<OrderDecision, "ref" | "attempt">,
  reason: OrderDecision["reason"],
): OrderDecision {
  return { ref, attempt, outcome: "retry", reason, nextCheckAt: null, payments: [] };
}

/** What Stripe said of the payments is true whatever becomes of the order. */
function handedBack({ ref, attempt, payments }: OrderDecision): OrderDecision {
  return { ref, attempt, outcome: "handed_back", reason: "not_settled_in_time", nextCheckAt: null, payments };
}

function sum(these: Record<string, number>, those: Record<string, number>): Record<string, number> {
  const total = { ...these };
  for (const [outcome, count] of Object.entries(those)) total[outcome] = (total[outcome] ?? 0) + count;
  return total;
}
