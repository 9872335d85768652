import type { JobResult, Ports, Task } from "../_shared/run/job.ts";
import { beginInspection, mustHandOver, type OrderRun, resultOf } from "../_shared/run/order-run.ts";
import { previewOrders } from "../_shared/run/preview-orders.ts";
import { readLists } from "../_shared/run/read-lists.ts";
import { workOnOrders } from "../_shared/run/work-on-orders.ts";

/** A run that expires orders settles about every five seconds, so 15 polls suffice. One that was killed never settles. */
const MAX_POLLS = 15;
/** What the other run sent before it learned of the share counts against Stripe's limit for one more second. */
const PAUSE_MS = 1_100;

/**
 * Cancels payments that can only do harm, and finds paid ones that the shop does not know: open payments of closed orders, and payments
 * at Stripe that name a closed or an unknown order.
 *
 * Stripe's lists are read even when nothing is due, because that is where unknown payments are found. The rest works like
 * expire-stale-orders on other orders: the database selects them, and the same rules decide. The run may be killed at any line: its
 * claims lapse, and the next run finishes the work.
 */
export async function cleanupStalePaymentIntents(ports: Ports, task: Task): Promise<JobResult> {
  if (task.lease === null) return await previewOrders(ports, task);
  const run = { ...await beginInspection(ports, task), lease: task.lease };
  await waitUntilShareIsFree(run);
  await readLists(run);
  await workOnOrders(run, ports.database.claimOrders);
  return resultOf(run);
}

/** Waits until a run of expire-stale-orders, if there is one, settles and so learns the clean-up's share of the pace. */
async function waitUntilShareIsFree(run: OrderRun): Promise<void> {
  const { ports: { database, clock }, lease } = run;
  let { waitForShare } = run.task;
  for (let polls = 0; waitForShare && polls < MAX_POLLS && !mustHandOver(run); polls++) {
    // An empty settlement changes nothing. It extends the lease and returns the present pace.
    ({ waitForShare } = await database.settleOrders(lease, []));
    await clock.sleep(PAUSE_MS);
  }
}
