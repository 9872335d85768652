import type { Claim } from "../_shared/database/claimed-orders.ts";
import type { OrderDecision } from "../_shared/orders.ts";
import type { JobResult, Ports, RunOrders } from "../_shared/run/job.ts";
import { examineClaim } from "./examine-claim.ts";
import { outOfTime, stopped } from "./results.ts";

/** The most that a dry run looks at: as many as the brake lets a real one touch. */
const MOST = 1_000;

/** The same questions and the same decisions as a run's, up to the first write. */
export async function preview(ports: Ports, { limit, settings }: RunOrders): Promise<JobResult> {
  // One more than is looked at, to know whether the list is whole.
  const due = await ports.database.previewOrders(Math.min(limit, MOST + 1));
  const { orders, unreadable, isCut } = cut(due);
  const evidence = { known: 0, unknown: 0 };
  const decisions: OrderDecision[] = [];
  // In batches, as a run would: with a wrong key it ends as early.
  for (let from = 0; from === 0 || from < orders.length; from += settings.claimBatch) {
    const claim = {
      orders: orders.slice(from, from + settings.claimBatch),
      unreadable: from === 0 ? unreadable : [],
    };
    const batch = await examineClaim(claim, ports, { settings, evidence, dryRun: true });
    if (batch.broken) throw batch.broken.error;
    decisions.push(...batch.decisions);
    if (batch.stop) return { ...stopped(batch.stop), decisions };
    if (batch.untouched.length > 0) return { ...outOfTime(), decisions };
  }
  const error = `A dry run looks at no more than ${MOST} orders, and more are due`;
  return isCut
    ? { status: "partial", error, workLeft: false, decisions }
    : { status: "succeeded", error: null, workLeft: false, decisions };
}

function cut({ orders, unreadable }: Claim): Claim & { isCut: boolean } {
  const room = Math.max(0, MOST - unreadable.length);
  return { orders: orders.slice(0, room), unreadable, isCut: orders.length + unreadable.length > MOST };
}
