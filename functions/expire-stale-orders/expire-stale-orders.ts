import type { HandedBack, Lease } from "../_shared/database/jobs-database.ts";
import type { ClaimedOrder, OrderDecision } from "../_shared/orders.ts";
import type { JobResult, Ports, RunOrders } from "../_shared/run/job.ts";
import type { ExaminedBatch } from "../_shared/stripe/examine-orders.ts";
import type { Reason } from "../_shared/stripe/reasons.ts";
import { examineClaim } from "./examine-claim.ts";

/**
 * Orders without payments are closed in one statement per batch. A checkout on the same article waits for the batch to commit, a
 * quarter of a second at the worst for so many; smaller batches would write each article's row more often.
 */
const BATCH_WITHOUT_PAYMENTS = 5_000;
/** Orders a dry run looks at when it was given no limit. */
const DRY_RUN_ORDERS = 1_000;
/** Batches under way at the same time: while one settles and claims anew, the others keep the call budget busy. */
const BATCHES_AT_ONCE = 3;

/**
 * Expires unpaid orders past their deadline: claim, ask Stripe about every payment, settle, until nothing is due or time is up.
 *
 * Stock goes back on the shelf only in the settlement that closes its order, and an order is closed only when Stripe confirmed
 * that none of its payments can ever succeed. Kill this at any line: claims lapse, and the next run finishes the work.
 */
export function expireStaleOrders(ports: Ports, orders: RunOrders): Promise<JobResult> {
  return orders.dryRun ? preview(ports, orders) : work(ports, orders);
}

type Work = Extract<RunOrders, { dryRun: false }>;

async function work(ports: Ports, orders: Work): Promise<JobResult> {
  const progress: Progress = {
    left: orders.limit,
    failed: 0,
    notFound: 0,
    stop: null,
    broken: null,
    outOfTime: false,
  };
  await expireWithoutPayments(ports, orders, progress);
  await Promise.all(Array.from({ length: BATCHES_AT_ONCE }, () => workOnBatches(ports, orders, progress)));

  // Only now: what the batches did is kept, and their other orders are handed back.
  if (progress.broken) throw progress.broken.error;
  if (progress.stop) return stopped(progress.stop);
  if (progress.outOfTime) return outOfTime();
  if (progress.failed === 0) {
    return { status: "succeeded", error: null, workLeft: false };
  }
  const error = `${progress.failed} orders could not be decided and will be tried again`;
  return { status: "partial", error, workLeft: false };
}

/** Shared by the batches under way. */
type Progress = {
  left: number;
  failed: number;
  notFound: number;
  stop: Reason | null;
  broken: ExaminedBatch["broken"];
  outOfTime: boolean;
};

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

async function workOnBatches(ports: Ports, { lease, settings }: Work, progress: Progress): Promise<void> {
  const { database, clock, deadline, log } = ports;
  while (progress.left > 0 && progress.stop === null && progress.broken === null) {
    if (clock.now() >= deadline.claim) return void (progress.outOfTime = true);
    const asked = Math.min(progress.left, settings.claimBatch);
    // Taken before the answer is here, so that batches side by side do not exceed the limit together.
    progress.left -= asked;
    const claim = await database.claimOrders(lease, asked);
    const claimed = claim.orders.length + claim.unreadable.length;
    progress.left += asked - claimed;
    // An empty claim is the end; a small one is not: orders that others work on are skipped, hopeless ones set aside.
    if (claimed === 0) return;
    const batch = await examineClaim(claim, ports, { settings, notFound: progress.notFound, dryRun: false });
    const { outcomes, superseded } = await settle(claim.orders, batch, { ports, lease });
    log.info("batch_settled", { claimed, superseded, stop: batch.stop, outcomes });
    progress.notFound = Math.max(progress.notFound, batch.notFound);
    progress.failed += outcomes.retry ?? 0;
    progress.broken ??= batch.broken;
    progress.stop ??= batch.stop;
    if (batch.untouched.length > 0 && batch.stop === null && batch.broken === null) {
      progress.outOfTime = true;
    }
    if (progress.outOfTime) return;
  }
}

/** The same questions and the same decisions, up to the first write. */
async function preview(ports: Ports, { limit, settings }: RunOrders): Promise<JobResult> {
  const due = await ports.database.previewOrders(Math.min(limit, DRY_RUN_ORDERS));
  const batch = await examineClaim(due, ports, { settings, notFound: 0, dryRun: true });
  const { decisions } = batch;
  if (batch.broken) throw batch.broken.error;
  if (batch.stop) {
    return { status: "failed", error: `Stripe stopped the run: ${batch.stop}`, workLeft: false, decisions };
  }
  if (batch.untouched.length > 0) return { ...outOfTime(), decisions };
  return { status: "succeeded", error: null, workLeft: false, decisions };
}

function settle(claimed: ClaimedOrder[], batch: ExaminedBatch, { ports, lease }: { ports: Ports; lease: Lease }) {
  const untouched = new Set(batch.untouched);
  const handedBack: HandedBack[] = claimed
    .filter((order) => untouched.has(order.id))
    .map(({ id, attempt }) => ({ orderId: id, attempt, outcome: "handed_back", reason: "untouched", payments: [] }));
  const decisions: (OrderDecision | HandedBack)[] = [
    ...batch.decisions,
    ...handedBack,
  ];
  return ports.database.settleOrders(lease, decisions);
}

function stopped(stop: Reason): JobResult {
  return { status: "failed", error: `Stripe stopped the run: ${stop}`, workLeft: false };
}

function outOfTime(): JobResult {
  return { status: "partial", error: "Time ran out before the work did", workLeft: true };
}
