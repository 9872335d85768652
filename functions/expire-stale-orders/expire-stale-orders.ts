import type { HandedBack, Lease } from "../_shared/database/jobs-database.ts";
import type { Settings } from "../_shared/database/contracts.ts";
import type { ClaimedOrder, OrderDecision } from "../_shared/orders.ts";
import type { JobResult, Ports, RunOrders } from "../_shared/run/job.ts";
import { type ExaminedBatch, examineOrders } from "../_shared/stripe/examine-orders.ts";
import { DEFAULT_POLICY, type VerdictPolicy } from "../_shared/stripe/policy.ts";

/** Orders without payments are closed in one statement per batch; this many fit well into the API's statement timeout. */
const BATCH_WITHOUT_PAYMENTS = 2_000;
/** Orders a dry run looks at when it was given no limit. */
const DRY_RUN_ORDERS = 1_000;
/** Orders asked about at the same time; the call budget sets the pace, this only keeps its lanes busy. */
const ORDERS_IN_FLIGHT = 40;

/**
 * Expires unpaid orders past their deadline: claim, ask Stripe about every payment, settle, until nothing is due or time is up.
 *
 * Stock goes back on the shelf only in the settlement that closes its order, and an order is closed only when Stripe confirmed
 * that none of its payments can ever succeed. Kill this at any line: claims lapse, and the next run finishes the work.
 */
export function expireStaleOrders(ports: Ports, orders: RunOrders): Promise<JobResult> {
  return orders.dryRun ? preview(ports, orders) : work(ports, orders);
}

async function work(
  ports: Ports,
  { lease, limit, settings }: Extract<RunOrders, { dryRun: false }>,
): Promise<JobResult> {
  const { database, clock, deadline, log } = ports;
  let left = limit;
  let failed = 0;
  let notFound = 0;

  while (left > 0 && clock.now() < deadline.claim) {
    const asked = Math.min(left, BATCH_WITHOUT_PAYMENTS);
    const { expired, unitsReleased } = await database.expireWithoutPayments(lease, asked);
    left -= expired;
    if (expired > 0) log.info("batch_without_payments", { expired, units_released: unitsReleased });
    if (expired < asked) break;
  }

  while (left > 0) {
    if (clock.now() >= deadline.claim) return outOfTime();
    const asked = Math.min(left, settings.claimBatch);
    const claimed = await database.claimOrders(lease, asked);
    if (claimed.length > 0) {
      const batch = await examine(claimed, ports, { settings, notFound, dryRun: false });
      const { outcomes, superseded } = await settle(claimed, batch, { ports, lease });
      log.info("batch_settled", { claimed: claimed.length, superseded, stop: batch.stop, outcomes });
      left -= claimed.length;
      notFound = batch.notFound;
      failed += outcomes.retry ?? 0;
      if (batch.stop) return { status: "failed", error: `Stripe stopped the run: ${batch.stop}`, workLeft: false };
      if (batch.untouched.length > 0) return outOfTime();
    }
    if (claimed.length < asked) break;
  }
  return failed > 0
    ? { status: "partial", error: `${failed} orders could not be decided and will be tried again`, workLeft: false }
    : { status: "succeeded", error: null, workLeft: false };
}

/** The same questions and the same decisions, up to the first write. */
async function preview(ports: Ports, { limit, settings }: RunOrders): Promise<JobResult> {
  const due = await ports.database.previewOrders(Math.min(limit, DRY_RUN_ORDERS));
  const batch = await examine(due, ports, { settings, notFound: 0, dryRun: true });
  const { decisions } = batch;
  if (batch.stop) {
    return { status: "failed", error: `Stripe stopped the run: ${batch.stop}`, workLeft: false, decisions };
  }
  if (batch.untouched.length > 0) return { ...outOfTime(), decisions };
  return { status: "succeeded", error: null, workLeft: false, decisions };
}

function examine(
  claimed: ClaimedOrder[],
  { gateway, clock, deadline, log }: Ports,
  { settings, notFound, dryRun }: { settings: Settings; notFound: number; dryRun: boolean },
): Promise<ExaminedBatch> {
  return examineOrders(claimed, {
    gateway,
    deadline: deadline.call,
    clock: clock.now,
    sleep: clock.sleep,
    random: Math.random,
    policy: policyOf(settings),
    dryRun,
    maxInFlight: ORDERS_IN_FLIGHT,
    notFoundSoFar: notFound,
    onInternalError: (orderId, error) => log.error("order_broke", { order_id: orderId, error: String(error) }),
  });
}

function settle(claimed: ClaimedOrder[], batch: ExaminedBatch, { ports, lease }: { ports: Ports; lease: Lease }) {
  const untouched = new Set(batch.untouched);
  const handedBack: HandedBack[] = claimed
    .filter((order) => untouched.has(order.id))
    .map(({ id, attempt }) => ({ orderId: id, attempt, outcome: "handed_back", reason: "untouched", payments: [] }));
  const decisions: (OrderDecision | HandedBack)[] = [...batch.decisions, ...handedBack];
  return ports.database.settleOrders(lease, decisions);
}

function outOfTime(): JobResult {
  return { status: "partial", error: "Time ran out before the work did", workLeft: true };
}

/** The shop's settings in the protocol's units: milliseconds. */
function policyOf(settings: Settings): VerdictPolicy {
  return {
    ...DEFAULT_POLICY,
    customerActionGrace: settings.customerActionGraceSeconds * 1_000,
    processingRecheck: settings.processingRecheckSeconds * 1_000,
    captureRecheck: settings.captureRecheckSeconds * 1_000,
    voucherSettleGrace: settings.voucherSettleGraceSeconds * 1_000,
    slowMethodWindow: settings.slowMethodWindowSeconds * 1_000,
  };
}
