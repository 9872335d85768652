import type { Claim } from "../database/orders.ts";
import type { ClaimedOrder, OrderDecision } from "../rules/orders.ts";
import type { JobResult, Ports, PreviewGroup, Task } from "./job.ts";
import { beginInspection, resultOf } from "./order-run.ts";
import { examineClaim } from "./work-on-orders.ts";

/** The most that a dry run inspects: as many as the brake lets a real one touch. */
const MOST = 1_000;

/**
 * A dry run: the same questions to Stripe and the same decisions as a run's, up to the first write. It reads no list, because reading
 * one moves its cursor: a payment that nobody attached is not in it.
 */
export async function previewOrders(ports: Ports, task: Task): Promise<JobResult> {
  const inspection = await beginInspection(ports, task);
  const { progress } = inspection;
  // One more than is inspected, to know whether the list is whole.
  const due = await ports.database.previewOrders(task.job, Math.min(task.limit, MOST + 1));
  const { orders, unreadable, isCut } = cut(due);
  const decisions: OrderDecision[] = [];
  // In batches, as a run would: with a wrong key it ends as early.
  const { claimBatch } = task.settings;
  for (let from = 0; (from === 0 || from < orders.length) && progress.stop === null; from += claimBatch) {
    const claim = { orders: orders.slice(from, from + claimBatch), unreadable: from === 0 ? unreadable : [] };
    const batch = await examineClaim(claim, inspection, { dryRun: true });
    progress.broken ??= batch.broken;
    if (progress.broken) break;
    decisions.push(...batch.decisions);
    progress.stop = batch.stop;
    if (batch.untouched.length > 0 && batch.stop === null) {
      progress.handover = "Its time is over";
      break;
    }
  }
  const preview = { summary: summaryOf(decisions, orders), decisions };
  const result = resultOf(inspection);
  if (result.status === "failed") return { ...result, preview };
  if (progress.handover) {
    return { status: "partial", error: "Time ran out before all due orders were inspected", workLeft: false, preview };
  }
  const error = `A dry run inspects no more than ${MOST} orders, and more are due`;
  return isCut
    ? { status: "partial", error, workLeft: false, preview }
    : { status: "succeeded", error: null, workLeft: false, preview };
}

function cut({ orders, unreadable }: Claim): Claim & { isCut: boolean } {
  const room = Math.max(0, MOST - unreadable.length);
  return { orders: orders.slice(0, room), unreadable, isCut: orders.length + unreadable.length > MOST };
}

/** The decisions by outcome and reason, the most frequent first. */
function summaryOf(decisions: OrderDecision[], orders: ClaimedOrder[]): PreviewGroup[] {
  const known = new Map(orders.map((order) => [order.ref, order]));
  const groups = new Map<string, PreviewGroup>();
  for (const { ref, outcome, reason } of decisions) {
    const name = `${outcome} ${reason}`;
    const group = groups.get(name) ??
      { outcome, reason, orders: 0, amounts: {}, methods: {}, oldestDeadline: null } satisfies PreviewGroup;
    groups.set(name, group);
    group.orders += 1;
    const order = known.get(ref);
    if (!order) continue;
    if (order.amount !== null && order.currency !== null) add(group.amounts, order.currency, order.amount);
    add(group.methods, order.method ?? "unknown", 1);
    if (group.oldestDeadline === null || order.deadline < group.oldestDeadline) group.oldestDeadline = order.deadline;
  }
  return [...groups.values()].sort((a, b) => b.orders - a.orders);
}

function add(sums: Record<string, number>, name: string, amount: number): void {
  sums[name] = (sums[name] ?? 0) + amount;
}
