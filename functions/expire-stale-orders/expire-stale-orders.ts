import { isRefusal, isTimeout } from "../_shared/database/refusals.ts";
import { reasonOf } from "../_shared/errors.ts";
import type { JobResult, Ports, Task } from "../_shared/run/job.ts";
import { beginInspection, hasToHandOver, type OrderRun, resultOf } from "../_shared/run/order-run.ts";
import { previewOrders } from "../_shared/run/preview-orders.ts";
import { readLists } from "../_shared/run/read-lists.ts";
import { workOnOrders } from "../_shared/run/work-on-orders.ts";

/**
 * Expires unpaid orders past their deadline: read Stripe's lists, close orders without payments, then claim the others, ask Stripe about
 * every payment and settle, until nothing is due or the run has had its share.
 *
 * Stock is released only in the settlement that closes its order, and an order is closed only when Stripe confirmed that none of its
 * payments can ever succeed. Kill this at any line: claims lapse, and the next run finishes the work.
 */
export async function expireStaleOrders(ports: Ports, task: Task): Promise<JobResult> {
  if (task.lease === null) return await previewOrders(ports, task);
  const run = { ...await beginInspection(ports, task), lease: task.lease };
  await readLists(run);
  await closeOrdersWithoutPayments(run);
  await workOnOrders(run, ports.database.claimOrders);
  return resultOf(run);
}

/**
 * Closes them set-based. A statement that takes too long is tried again with half as many orders. If the database refuses them, one
 * order may be to blame: they are claimed and settled like all others, which finds out and blames that one alone.
 */
async function closeOrdersWithoutPayments(run: OrderRun): Promise<void> {
  const { ports: { database, log }, lease, progress } = run;
  let size = run.task.settings.closeBatch;
  let fruitless = 0;
  // What can be closed at all is closed or put off by each call; twice nothing means that the rest is held by somebody else.
  while (fruitless < 2 && progress.limitLeft > 0 && !hasToStop(run)) {
    try {
      const asked = Math.min(progress.limitLeft, size);
      const { expired, unitsReleased, asked: taken } = await database.closeWithoutPayments(lease, asked);
      if (taken === 0) return;
      fruitless = expired === 0 ? fruitless + 1 : 0;
      progress.limitLeft -= expired;
      progress.done += expired;
      if (expired > 0) log.info("batch_without_payments", { expired, units_released: unitsReleased });
    } catch (error) {
      log.error("batch_without_payments_refused", { error: reasonOf(error) });
      if (isRefusal(error)) return await workOnOrders(run, database.claimWithoutPayments);
      if (!isTimeout(error)) throw error;
      if (size === 1) return void (progress.delay = reasonOf(error));
      size = await database.shrinkCloseBatch(lease);
    }
  }
}

function hasToStop(run: OrderRun): boolean {
  return run.progress.stop !== null || run.progress.broken !== null || hasToHandOver(run);
}
