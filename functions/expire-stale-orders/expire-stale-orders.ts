import { isRefusal, isTimeout, messageOf } from "../_shared/errors.ts";
import type { JobResult, Ports, Task } from "../_shared/run/job.ts";
import { executeRefunds } from "../_shared/run/execute-refunds.ts";
import { beginInspection, mustStop, type OrderRun, resultOf } from "../_shared/run/order-run.ts";
import { previewOrders } from "../_shared/run/preview-orders.ts";
import { readLists } from "../_shared/run/read-lists.ts";
import { workOnOrders } from "../_shared/run/work-on-orders.ts";

/**
 * Carries out refunds of late payments, then expires unpaid orders past their deadline. It reads Stripe's lists and closes orders without
 * payments. Then it claims the others, asks Stripe about every payment and settles the orders, until nothing is due or the run's share is
 * used up.
 *
 * Stock is released only in the settlement that closes its order, and an order is closed only after Stripe has confirmed that none of
 * its payments can ever succeed. The run may be killed at any line: its claims lapse, and the next run finishes the work.
 */
export async function expireStaleOrders(ports: Ports, task: Task): Promise<JobResult> {
  if (task.lease === null) return await previewOrders(ports, task);
  const run = { ...await beginInspection(ports, task), lease: task.lease };
  if (task.refundsDue) await executeRefunds(run);
  if (task.due === 0) return resultOf(run);
  await readLists(run);
  await closeOrdersWithoutPayments(run);
  await workOnOrders(run, ports.database.claimOrders);
  return resultOf(run);
}

/**
 * Closes many orders in one statement. A statement that times out is retried with half as many orders. If the database refuses one, a
 * single order may be the cause: the orders are then claimed and settled like all others, which finds that order and fails it alone. The
 * same happens when even a statement of one order times out: those behind it may still be closed.
 */
async function closeOrdersWithoutPayments(run: OrderRun): Promise<void> {
  const { ports: { database, log }, lease, progress } = run;
  let size = run.task.settings.closeBatch;
  let fruitless = 0;
  // Each call closes or postpones every order that it can lock. After two calls that closed none, the rest is locked by others.
  while (fruitless < 2 && progress.limitLeft > 0 && !mustStop(run)) {
    try {
      const limit = Math.min(progress.limitLeft, size);
      const { expired, unitsReleased, moved } = await database.closeWithoutPayments(lease, limit);
      if (moved === 0) return;
      fruitless = expired === 0 ? fruitless + 1 : 0;
      progress.limitLeft -= expired;
      progress.done += expired;
      if (expired > 0) log.info("closed_without_payments", { expired, units_released: unitsReleased });
    } catch (error) {
      log.error("close_without_payments_failed", { error: messageOf(error) });
      if (isTimeout(error) && size > 1) {
        size = await database.shrinkCloseBatch(lease);
        continue;
      }
      if (isTimeout(error)) progress.delay = messageOf(error);
      else if (!isRefusal(error)) throw error;
      return await workOnOrders(run, database.claimWithoutPayments);
    }
  }
}
