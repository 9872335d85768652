import type { JobResult, Ports, RunOrders } from "../_shared/run/job.ts";
import { isKeyDoubtful } from "../_shared/stripe/key-evidence.ts";
import type { Reason } from "../_shared/stripe/reasons.ts";
import { examineClaim } from "./examine-claim.ts";
import { type Progress, type Work, workOnBatches } from "./work-on-batches.ts";

/**
 * Orders without payments are closed in one statement per batch. A checkout on the same article waits for the batch to commit, a
 * quarter of a second at the worst for so many; smaller batches would write each article's row more often.
 */
const BATCH_WITHOUT_PAYMENTS = 5_000;
/** Orders a dry run looks at when it was given no limit. */
const DRY_RUN_ORDERS = 1_000;

/**
 * Expires unpaid orders past their deadline: claim, ask Stripe about every payment, settle, until nothing is due or time is up.
 *
 * Stock goes back on the shelf only in the settlement that closes its order, and an order is closed only when Stripe confirmed
 * that none of its payments can ever succeed. Kill this at any line: claims lapse, and the next run finishes the work.
 */
export function expireStaleOrders(ports: Ports, orders: RunOrders): Promise<JobResult> {
  return orders.dryRun ? preview(ports, orders) : work(ports, orders);
}

async function work(ports: Ports, orders: Work): Promise<JobResult> {
  const progress: Progress = {
    left: orders.limit,
    failed: 0,
    evidence: { known: 0, unknown: 0 },
    stop: null,
    outOfTime: false,
    broken: null,
  };
  await expireWithoutPayments(ports, orders, progress);
  await workOnBatches(ports, orders, progress);

  if (progress.stop) return stopped(progress.stop);
  if (isKeyDoubtful(progress.evidence)) return stopped("too_many_not_found");
  if (progress.outOfTime) return outOfTime();
  if (progress.failed === 0) {
    return { status: "succeeded", error: null, workLeft: false };
  }
  const error = `${progress.failed} orders could not be decided and will be tried again`;
  return { status: "partial", error, workLeft: false };
}

async function expireWithoutPayments({ database, clock, deadline, log }: Ports, { lease }: Work, progress: Progress) {
  while (progress.left > 0 && clock.now() < deadline.claim) {
    const asked = Math.min(progress.left, BATCH_WITHOUT_PAYMENTS);
    const { expired, unitsReleased } = await database.expireWithoutPayments(lease, asked);
    progress.left -= expired;
    if (expired > 0) {
      log.info("batch_without_payments", { expired, units_released: unitsReleased });
    }
    if (expired < asked) return;
  }
}

/** The same questions and the same decisions, up to the first write. */
async function preview(ports: Ports, { limit, settings }: RunOrders): Promise<JobResult> {
  const due = await ports.database.previewOrders(Math.min(limit, DRY_RUN_ORDERS));
  const batch = await examineClaim(due, ports, { settings, dryRun: true });
  const { decisions } = batch;
  if (batch.broken) throw batch.broken.error;
  if (batch.stop) return { ...stopped(batch.stop), decisions };
  if (batch.untouched.length > 0) return { ...outOfTime(), decisions };
  return { status: "succeeded", error: null, workLeft: false, decisions };
}

function stopped(stop: Reason): JobResult {
  return { status: "failed", error: `Stripe stopped the run: ${stop}`, workLeft: false };
}

function outOfTime(): JobResult {
  return { status: "partial", error: "Time ran out before the work did", workLeft: true };
}
