import type { SettledOrders } from "../database/orders.ts";
import { isLockTimeout, isRefusal, isTimeout, messageOf } from "../errors.ts";
import { failedDecision } from "../rules/decision-of.ts";
import type { OrderDecision } from "../rules/orders.ts";
import type { OrderRun } from "./order-run.ts";

/** The budget for timeouts of one settlement, after which nothing more is sent, and the cost of each kind. */
const PATIENCE = 6;
const COST = { lock: 1, statement: 3 };

/** `failed`: orders whose attempt failed. `delay`: why orders were handed back undecided, or null. `isStuck`: nothing else was settled. */
export type SettledBatch = Pick<SettledOrders, "outcomes" | "superseded"> & {
  failed: number;
  delay: string | null;
  isStuck: boolean;
};

/**
 * Settles a batch, normally in one call. An order that the database refuses to settle becomes a failed attempt of its
 * own; otherwise the claims of the whole batch would lapse with it, again and again, until all of its orders were
 * quarantined. When the database times out, for example while it waits for a lock on an article, no order is at fault:
 * orders that cannot be settled individually either are handed back.
 *
 * @throws any other database error. After a lost lease the run may settle nothing more.
 */
export async function settleOrders(decisions: OrderDecision[], run: OrderRun): Promise<SettledBatch> {
  const { log } = run.ports;
  const first = await settleInParts(decisions, run);
  for (const { decision, error } of first.refused) {
    log.error("order_refused", { ref: decision.ref, error: messageOf(error) });
  }

  // These decisions do not change stock, so they wait for no lock on an article. Paid ones could, because money can revive an expired order.
  const second = await settleInParts([
    // Without payments: Stripe's evidence may be what was refused. The next attempt reads it again.
    ...first.refused.map(({ decision }) => failedDecision(decision, "settlement_refused")),
    ...first.open.map(handedBack),
  ], run);
  // Not even the failed attempt could be written. The claim lapses, which counts as a failed attempt.
  for (const { decision, error } of second.refused) {
    log.error("order_unsettled", { ref: decision.ref, error: messageOf(error) });
  }
  if (second.timeout && second.open.length > 0) throw second.timeout;

  const outcomes = sum(first.outcomes, second.outcomes);
  return {
    outcomes,
    superseded: first.superseded + second.superseded,
    failed: (outcomes.retry ?? 0) + second.refused.length,
    delay: first.timeout && messageOf(first.timeout),
    isStuck: first.timeout !== null && Object.keys(first.outcomes).length === 0,
  };
}

type Parts = Pick<SettledOrders, "outcomes" | "superseded"> & {
  refused: { decision: OrderDecision; error: unknown }[];
  /** The first timeout. */
  timeout: Error | null;
  /** Decisions that timeouts left unsettled. */
  open: OrderDecision[];
};

/**
 * Settles a batch. One that is refused is split in halves until each refused order is alone. One that times out is
 * settled order by order, so that a lock on one article does not hold up the orders of other articles.
 */
async function settleInParts(
  decisions: OrderDecision[],
  { ports: { database }, lease, gateway }: OrderRun,
): Promise<Parts> {
  const result: Parts = { outcomes: {}, superseded: 0, refused: [], timeout: null, open: [] };
  const batches = decisions.length > 0 ? [decisions] : [];
  let spent = 0;
  for (let batch = batches.pop(); batch; batch = batches.pop()) {
    try {
      const { outcomes, superseded, paymentsPerSecond } = await database.settleOrders(lease, batch);
      result.outcomes = sum(result.outcomes, outcomes);
      result.superseded += superseded;
      // The clean-up or the webhook may have taken or released its share since.
      gateway.setRate(paymentsPerSecond);
    } catch (error) {
      if (isTimeout(error)) {
        result.timeout ??= error;
        spent += isLockTimeout(error) ? COST.lock : COST.statement;
        if (spent >= PATIENCE) return { ...result, open: [...result.open, ...batch, ...batches.flat()] };
        if (batch.length === 1) result.open.push(...batch);
        else batches.push(...batch.toReversed().map((decision) => [decision]));
        continue;
      }
      if (!isRefusal(error)) throw error;
      if (batch.length === 1) result.refused.push({ decision: batch[0]!, error });
      else batches.push(batch.slice(batch.length >> 1), batch.slice(0, batch.length >> 1));
    }
  }
  return result;
}

/** Keeps the payments, because Stripe's answers about them hold whatever happens to the order. Money is left to the next run. */
function handedBack({ ref, attempt, payments }: OrderDecision): OrderDecision {
  const kept = payments.filter(({ state }) => state !== "paid");
  return { ref, attempt, outcome: "handed_back", reason: "not_settled_in_time", nextCheckAt: null, payments: kept };
}

function sum(these: Record<string, number>, those: Record<string, number>): Record<string, number> {
  const total = { ...these };
  for (const [outcome, count] of Object.entries(those)) total[outcome] = (total[outcome] ?? 0) + count;
  return total;
}
