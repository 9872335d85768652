import type { SettledOrders } from "../database/orders.ts";
import { isRefusal, isTimeout, reasonOf } from "../errors.ts";
import { failedDecision } from "../rules/decision-of.ts";
import type { OrderDecision } from "../rules/orders.ts";
import type { OrderRun } from "./order-run.ts";

/** `failed`: orders whose attempt failed. `delay`: why orders were handed back undecided, or null. */
type SettledBatch = Pick<SettledOrders, "outcomes" | "superseded"> & { failed: number; delay: string | null };

/**
 * Settles a batch, normally in one call. An order that the database refuses to settle becomes a failed attempt of its own; otherwise the
 * claims of the whole batch would lapse with it, time after time, until all of its orders were quarantined. When the database times out,
 * waiting for a lock on an article for example, no order is to blame, and those not settled yet are handed back.
 *
 * @throws any other database error. After a lost lease the run may settle nothing more.
 */
export async function settleOrders(decisions: OrderDecision[], run: OrderRun): Promise<SettledBatch> {
  const { log } = run.ports;
  const first = await settleInHalves(decisions, run);
  for (const { decision, error } of first.refused) {
    log.error("order_refused", { ref: decision.ref, error: reasonOf(error) });
  }

  // Neither kind moves stock, so neither waits for a lock on an article. Money might: it can revive an expired order.
  const second = await settleInHalves([
    // Without payments: Stripe's evidence may be what was refused. The next attempt reads it again.
    ...first.refused.map(({ decision }) => failedDecision(decision, "settlement_refused")),
    ...first.open.map(handedBack),
  ], run);
  // Not even the failed attempt could be written. The claim lapses, which counts as a failed attempt.
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
  /** The timeout after which nothing more was sent. */
  timeout: Error | null;
  /** Decisions that the timeout left unsettled. */
  open: OrderDecision[];
};

/** Settles a batch. One that is refused is split in halves until each refused order stands alone. */
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
      // The clean-up or the webhook may have taken or released its share meanwhile.
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

/** Keeps the payments: what Stripe said of them is true whatever becomes of the order. Money is left to the next run. */
function handedBack({ ref, attempt, payments }: OrderDecision): OrderDecision {
  const kept = payments.filter(({ state }) => state !== "paid");
  return { ref, attempt, outcome: "handed_back", reason: "not_settled_in_time", nextCheckAt: null, payments: kept };
}

function sum(these: Record<string, number>, those: Record<string, number>): Record<string, number> {
  const total = { ...these };
  for (const [outcome, count] of Object.entries(those)) total[outcome] = (total[outcome] ?? 0) + count;
  return total;
}
