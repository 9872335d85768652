import type { Settled } from "../_shared/database/contracts.ts";
import type { HandedBack, JobsDatabase, Lease } from "../_shared/database/jobs-database.ts";
import { isRefusal, isTimeout } from "../_shared/database/refusals.ts";
import { reasonOf } from "../_shared/errors.ts";
import type { OrderDecision } from "../_shared/orders.ts";
import type { Log } from "../_shared/run/log.ts";
import { failedDecision } from "../_shared/stripe/examine-orders.ts";

type Decision = OrderDecision | HandedBack;

/** `failed`: orders of which nothing but a failed attempt came. `delay`: why orders went back undecided, or null. */
export type SettledBatch = Settled & { failed: number; delay: string | null };

export type SettleBatchOptions = { database: Pick<JobsDatabase, "settleOrders">; lease: Lease; log: Log };

/**
 * Settles a batch, in one call as a rule. An order that the database refuses to settle is a failed attempt of its own: the others
 * must not lapse with it, time after time, until all of them are set aside. When the database gives up waiting, for a lock on an
 * article perhaps, no order is to blame, and those not settled yet are handed back.
 *
 * @throws whatever else the database answers, a lost lease above all: then this run may settle nothing any more.
 */
export async function settleBatch(decisions: Decision[], options: SettleBatchOptions): Promise<SettledBatch> {
  const { log } = options;
  const first = await settleInHalves(decisions, options);
  for (const { decision, error } of first.refused) {
    log.error("order_refused", { order_id: decision.orderId, error: reasonOf(error) });
  }

  // Neither moves stock, so that neither waits for an article.
  const second = await settleInHalves([
    ...first.refused.map(({ decision }) => failedAttempt(decision)),
    ...first.open.map(handedBack),
  ], options);
  // Not even the failed attempt could be written: the claim lapses, which counts as one.
  for (const { decision, error } of second.refused) {
    log.error("order_unsettled", { order_id: decision.orderId, error: reasonOf(error) });
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

type Halves = Settled & {
  refused: { decision: Decision; error: unknown }[];
  /** What gave up waiting; no call followed it. */
  timeout: Error | null;
  /** Decisions that were not settled for it. */
  open: Decision[];
};

/** What is refused together is tried in halves, until each order that is refused stands alone. */
async function settleInHalves(decisions: Decision[], { database, lease }: SettleBatchOptions): Promise<Halves> {
  const result: Halves = { outcomes: {}, superseded: 0, refused: [], timeout: null, open: [] };
  const batches = decisions.length > 0 ? [decisions] : [];
  for (let batch = batches.pop(); batch; batch = batches.pop()) {
    try {
      const { outcomes, superseded } = await database.settleOrders(lease, batch);
      result.outcomes = sum(result.outcomes, outcomes);
      result.superseded += superseded;
    } catch (error) {
      if (isTimeout(error)) return { ...result, timeout: error, open: [...batch, ...batches.flat()] };
      if (!isRefusal(error)) throw error;
      if (batch.length === 1) result.refused.push({ decision: batch[0]!, error });
      else batches.push(batch.slice(batch.length >> 1), batch.slice(0, batch.length >> 1));
    }
  }
  return result;
}

/** Without what Stripe said of the payments: that may be what was refused. The next look finds it again. */
function failedAttempt({ orderId, attempt }: Decision): OrderDecision {
  return failedDecision({ id: orderId, attempt }, "settlement_refused");
}

/** What Stripe said of the payments is true whatever becomes of the order. */
function handedBack({ orderId, attempt, payments }: Decision): HandedBack {
  return { orderId, attempt, outcome: "handed_back", reason: "not_settled_in_time", payments };
}

function sum(these: Settled["outcomes"], those: Settled["outcomes"]): Settled["outcomes"] {
  const total = { ...these };
  for (const [outcome, count] of Object.entries(those) as [keyof typeof those, number][]) {
    total[outcome] = (total[outcome] ?? 0) + count;
  }
  return total;
}
