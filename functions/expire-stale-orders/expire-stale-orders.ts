import { isRefusal, isTimeout } from "../_shared/database/refusals.ts";
import { reasonOf } from "../_shared/errors.ts";
import type { JobResult, Ports, RunOrders } from "../_shared/run/job.ts";
import { isKeyDoubtful } from "../_shared/stripe/key-evidence.ts";
import { preview } from "./preview.ts";
import { delayed, outOfTime, stopped } from "./results.ts";
import { type Progress, type Work, workOnBatches } from "./work-on-batches.ts";

/**
 * Orders without payments are closed in one statement per batch. Its articles are locked last, so that a checkout waits for the commit
 * alone; still, one transaction over a whole backlog would give no sign of life for too long, and lose all of its work in a crash.
 */
const BATCH_WITHOUT_PAYMENTS = 5_000;

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
    delay: null,
    broken: null,
  };
  await workOnThoseWithoutPayments(ports, orders, progress);
  await workOnBatches(ports, orders, progress);

  if (progress.stop) return stopped(progress.stop);
  if (isKeyDoubtful(progress.evidence)) return stopped("too_many_not_found");
  if (progress.delay) return delayed(progress.delay);
  if (progress.outOfTime) return outOfTime();
  if (progress.failed === 0) {
    return { status: "succeeded", error: null, workLeft: false };
  }
  const error = `${progress.failed} orders could not be decided and will be tried again`;
  return { status: "partial", error, workLeft: false };
}

/**
 * Closes them set-based. If the database refuses that, one order may be to blame: they are claimed and settled like all others, which
 * finds out and blames that one alone. If it gives up waiting, the next run tries again, and orders with payments need not wait.
 */
async function workOnThoseWithoutPayments(ports: Ports, orders: Work, progress: Progress): Promise<void> {
  try {
    await expireWithoutPayments(ports, orders, progress);
  } catch (error) {
    if (!isTimeout(error) && !isRefusal(error)) throw error;
    ports.log.error("batch_without_payments_refused", { error: reasonOf(error) });
    if (isTimeout(error)) progress.delay = reasonOf(error);
    else await workOnBatches(ports, orders, progress, ports.database.claimWithoutPayments);
  }
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
