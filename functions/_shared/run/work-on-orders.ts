import type { Claim } from "../database/orders.ts";
import { messageOf } from "../errors.ts";
import { type ExaminedBatch, examineOrders } from "../protocol/examine-orders.ts";
import { isKeyDoubtful } from "../protocol/key-check.ts";
import { failedDecision } from "../rules/decision-of.ts";
import type { OrderDecision } from "../rules/orders.ts";
import { policyOf } from "../rules/policy.ts";
import { type ClaimOrders, type Inspection, mustHandOver, mustStop, type OrderRun } from "./order-run.ts";
import { type SettledBatch, settleOrders } from "./settle-orders.ts";

/**
 * Claims batches of orders, asks Stripe about them and settles them until nothing is due or the run must stop. Usually
 * two batches run concurrently: while one settles and claims, the other makes calls to Stripe.
 *
 * When one batch breaks, the others end as well. `resultOf` throws the error only after all of them have ended, because the lease is
 * released then, and no payment may be cancelled without it.
 */
export async function workOnOrders(run: OrderRun, claimOrders: ClaimOrders): Promise<void> {
  const { progress, ports: { log }, task: { settings } } = run;
  // Set after a settlement that settled nothing: the next one would most likely time out as well.
  let isStuck = false;
  const work = async () => {
    try {
      while (!isStuck && mayClaim(run)) {
        const settled = await workOnBatch(run, claimOrders);
        if (settled === null) return;
        isStuck ||= settled.isStuck;
      }
    } catch (error) {
      log.error("batch_failed", { error: messageOf(error) });
      progress.broken ??= { error };
    }
  };
  await Promise.all(Array.from({ length: settings.batchesAtOnce }, work));
  // Checked only here, because until its claim returns, a batch reserves more of the share than it may need.
  if (progress.shareLeft <= 0 && progress.limitLeft > 0) progress.handover ??= "It used up its share of orders";
}

/** Claims, examines and settles one batch. Returns null when there was nothing to claim. */
async function workOnBatch(run: OrderRun, claimOrders: ClaimOrders): Promise<SettledBatch | null> {
  const { progress, lease, task: { settings }, ports: { log } } = run;
  // Reserved before the claim returns, so that concurrent batches do not exceed the limit together.
  const asked = Math.min(progress.limitLeft, progress.shareLeft, settings.claimBatch);
  reserve(run, asked);
  const claim = await claimOrders(lease, asked);
  const claimed = claim.orders.length + claim.unreadable.length;
  reserve(run, claimed - asked);
  // Only an empty claim means that nothing is due: a small one may have skipped locked orders or quarantined hopeless ones.
  if (claimed === 0) return null;

  const batch = await examineClaim(claim, run);
  // Before settling, which takes a while: the other batches must begin nothing more.
  progress.broken ??= batch.broken;
  if (batch.stop !== "too_many_not_found") progress.stop ??= batch.stop;
  const settled = await settleOrders([...batch.decisions, ...untouchedOf(claim, batch)], run);
  log.info("batch_settled", {
    claimed,
    superseded: settled.superseded,
    stop: batch.stop,
    delay: settled.delay,
    outcomes: settled.outcomes,
  });
  for (const [outcome, count] of Object.entries(settled.outcomes)) {
    progress.done += outcome === "handed_back" ? 0 : count;
  }
  progress.failed += settled.failed;
  progress.delay ??= settled.delay;
  if (batch.untouched.length > 0 && batch.stop === null && batch.broken === null && !mustHandOver(run)) {
    progress.handover = "It ran out of time";
  }
  return settled;
}

function mayClaim(run: OrderRun): boolean {
  const { keyCheck, limitLeft, shareLeft } = run.progress;
  // The key is checked each time, because another batch may have proven it.
  return limitLeft > 0 && shareLeft > 0 && !isKeyDoubtful(keyCheck) && !mustStop(run);
}

function reserve({ progress }: OrderRun, orders: number): void {
  progress.limitLeft -= orders;
  progress.shareLeft -= orders;
}

/** Asks Stripe about the orders of a claim. An order that could not be read becomes a failed attempt without a call. */
export async function examineClaim(
  { orders, unreadable }: Claim,
  { ports: { clock, deadline, log, retired }, gateway, progress, task }: Inspection,
  { dryRun = false }: { dryRun?: boolean } = {},
): Promise<ExaminedBatch> {
  for (const { ref, issue } of unreadable) log.error("order_unreadable", { ref, issue });
  const batch = await examineOrders(orders, {
    gateway,
    policy: policyOf(task.settings),
    clock,
    deadline: deadline.call,
    dryRun,
    halted: () => progress.broken !== null || retired.aborted,
    keyCheck: progress.keyCheck,
    onInternalError: (ref, error) => log.error("order_failed", { ref, error: messageOf(error) }),
    metadataKey: task.settings.metadataKey,
    idempotencyScope: task.job,
  });
  const failed = unreadable.map((order) => failedDecision(order, "order_unreadable"));
  return { ...batch, decisions: [...failed, ...batch.decisions] };
}

/** Hands back the orders that the batch did not reach, as if they had never been claimed. */
function untouchedOf({ orders }: Claim, batch: ExaminedBatch): OrderDecision[] {
  const untouched = new Set(batch.untouched);
  return orders.filter(({ ref }) => untouched.has(ref)).map(({ ref, attempt }) => (
    { ref, attempt, outcome: "handed_back", reason: "untouched", nextCheckAt: null, payments: [] }
  ));
}
