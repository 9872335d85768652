import type { JobResult, Ports, Task } from "../_shared/run/job.ts";
import { beginInspection, resultOf } from "../_shared/run/order-run.ts";
import { previewOrders } from "../_shared/run/preview-orders.ts";
import { readLists } from "../_shared/run/read-lists.ts";
import { workOnOrders } from "../_shared/run/work-on-orders.ts";

/**
 * Cancels payments that can only do harm, and finds paid ones that the shop never heard of: open payments of closed orders, and payments
 * at Stripe that name a closed or an unknown order.
 *
 * Stripe's lists are read even when nothing is due, because that is where unknown payments are found. The rest works like
 * expire-stale-orders on other orders: the database selects them, and the same rules decide. The run may be killed at any line: its
 * claims lapse, and the next run finishes the work.
 */
export async function cleanupStalePaymentIntents(ports: Ports, task: Task): Promise<JobResult> {
  if (task.lease === null) return await previewOrders(ports, task);
  const run = { ...await beginInspection(ports, task), lease: task.lease };
  await readLists(run);
  await workOnOrders(run, ports.database.claimOrders);
  return resultOf(run);
}
