import type { ClaimedOrder, OrderDecision } from "../rules/orders.ts";
import type { JobResult, Ports, PreviewGroup, Task } from "./job.ts";
import { beginInspection, resultOf } from "./order-run.ts";
import { examineClaim } from "./work-on-orders.ts";

/** A dry run inspects as many orders as the brake lets a real run touch. */
const MAX_ORDERS = 1_000;

/**
 * A dry run reads the same payments and makes the same decisions as a real run, up to the first write. It reads no list, because that
 * would move the list's cursor; so it misses unattached payments.
 */
export async function previewOrders(ports: Ports, task: Task): Promise<JobResult> {
  const inspection = await beginInspection(ports, task);
  const { progress } = inspection;
  // One more than is inspected shows whether there are more.
  const due = await ports.database.previewOrders(task.job, Math.min(task.limit, MAX_ORDERS + 1));
  const { unreadable } = due;
  const orders = due.orders.slice(0, Math.max(0, MAX_ORDERS - unreadable.length));
  const isCut = due.orders.length + unreadable.length > MAX_ORDERS;
  const decisions: OrderDecision[] = [];
  // In batches like a real run, so that a wrong key ends it as early.
  const { claimBatch } = task.settings;
  for (let from = 0; (from === 0 || from < orders.length) && progress.stop === null; from += claimBatch) {
    const claim = { orders: orders.slice(from, from + claimBatch), unreadable: from === 0 ? unreadable : [] };
    const batch = await examineClaim(claim, inspection, { dryRun: true });
    progress.broken ??= batch.broken;
    if (progress.broken) break;
    decisions.push(...batch.decisions);
    progress.stop = batch.stop;
    if (batch.untouched.length > 0 && batch.stop === null) {
      progress.handover = "It ran out of time";
      break;
    }
  }
  const units = decisions.length === 0 ? {} : await ports.database.previewUnits(decisions.map(({ ref }) => ref));
  const preview = { summary: summaryOf(decisions, { orders, units, now: ports.clock.now() }), decisions };
  const result = resultOf(inspection);
  if (result.status === "failed") return { ...result, preview };
  const error = progress.handover
    ? "Time ran out before all due orders were inspected"
    : isCut
    ? `A dry run inspects no more than ${MAX_ORDERS} orders, and more are due`
    : null;
  return { status: error === null ? "succeeded" : "partial", error, workLeft: false, preview };
}

type Known = { orders: ClaimedOrder[]; units: Record<string, number>; now: Date };

/** The decisions by outcome and reason, the most frequent first. */
function summaryOf(decisions: OrderDecision[], { orders, units, now }: Known): PreviewGroup[] {
  const known = new Map(orders.map((order) => [order.ref, order]));
  const groups = new Map<string, PreviewGroup>();
  for (const { ref, outcome, reason } of decisions) {
    const name = `${outcome} ${reason}`;
    const group = groups.get(name) ?? emptyGroup(outcome, reason);
    groups.set(name, group);
    group.orders += 1;
    group.units += units[ref] ?? 0;
    const order = known.get(ref);
    if (order) describe(group, order, now);
  }
  return [...groups.values()].sort((a, b) => b.orders - a.orders);
}

function emptyGroup(outcome: PreviewGroup["outcome"], reason: PreviewGroup["reason"]): PreviewGroup {
  const ages = { underAnHour: 0, underADay: 0, older: 0 };
  return {
    outcome,
    reason,
    orders: 0,
    amounts: {},
    units: 0,
    methods: {},
    ages,
    oldestDeadline: null,
    oldestRef: null,
    largest: null,
  };
}

function describe(group: PreviewGroup, { ref, amount, currency, method, deadline }: ClaimedOrder, now: Date): void {
  add(group.methods, method ?? "unknown", 1);
  const hours = (now.getTime() - deadline.getTime()) / 3_600_000;
  add(group.ages, hours < 1 ? "underAnHour" : hours < 24 ? "underADay" : "older", 1);
  if (group.oldestDeadline === null || deadline < group.oldestDeadline) {
    group.oldestDeadline = deadline;
    group.oldestRef = ref;
  }
  if (amount === null || currency === null) return;
  add(group.amounts, currency, amount);
  if (group.largest === null || amount > group.largest.amount) group.largest = { ref, amount, currency };
}

function add(sums: Record<string, number>, name: string, amount: number): void {
  sums[name] = (sums[name] ?? 0) + amount;
}
