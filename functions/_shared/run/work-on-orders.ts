import type { Claim } from "../database/orders.ts";
import { reasonOf } from "../errors.ts";
import { type ExaminedBatch, examineOrders } from "../protocol/examine-orders.ts";
import { isKeyDoubtful } from "../protocol/key-check.ts";
import type { OrderDecision } from "../rules/orders.ts";
import { policyOf } from "../rules/policy.ts";
import { type ClaimOrders, hasToHandOver, type Inspection, type OrderRun } from "./order-run.ts";
import { failedAttempt, settleOrders } from "./settle-orders.ts";

/** Orders of one batch that ask Stripe at the same time. The gateway's pace decides when their turns come. */
const ORDERS_IN_FLIGHT = 25;

/**
 * Claims, asks Stripe and settles until nothing is due or the run has to end. Mostly two batches at a time: while one settles and claims
 * anew, the other keeps Stripe busy.
 *
 * When the database gives up waiting, all of them end: what they handed back is due at once, and they would claim it again and again.
 * What breaks one of them is thrown by `resultOf`, once all have ended: the lease is given back then, and without it nobody may go on
 * cancelling payments.
 */
export async function workOnOrders(run: OrderRun, claimOrders: ClaimOrders): Promise<void> {
  const lane = async () => {
    try {
      while (await workOnBatch(run, claimOrders));
    } catch (error) {
      run.ports.log.error("batch_broke", { error: reasonOf(error) });
      run.progress.broken ??= { error };
    }
  };
  await Promise.all(Array.from({ length: run.task.settings.batchesAtOnce }, lane));
}

/** Claims a batch and sees it through. False: this was the last one. */
async function workOnBatch(run: OrderRun, claimOrders: ClaimOrders): Promise<boolean> {
  const { progress, lease, task: { settings }, ports: { log } } = run;
  if (hasToEnd(run)) return false;
  // Taken before the answer is here, so that batches side by side do not exceed the limit together.
  const asked = Math.min(progress.limitLeft, progress.shareLeft, settings.claimBatch);
  take(run, asked);
  const claim = await claimOrders(lease, asked);
  const claimed = claim.orders.length + claim.unreadable.length;
  take(run, claimed - asked);
  // Only an empty claim is the end: a small one may have skipped orders that others hold, or quarantined hopeless ones.
  if (claimed === 0) return false;

  const batch = await examineClaim(claim, run);
  // Before settling, which takes a while: the other batches begin nothing more.
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
  progress.claimsNothing ||= settled.delay !== null;
  if (batch.untouched.length > 0 && batch.stop === null && batch.broken === null && !hasToHandOver(run)) {
    progress.handover = "Its time is over";
  }
  return true;
}

function hasToEnd(run: OrderRun): boolean {
  const { stop, broken, claimsNothing, keyCheck, limitLeft, shareLeft } = run.progress;
  // The key is judged anew each time: what another batch finds meanwhile may prove it right.
  if (stop !== null || broken !== null || claimsNothing || isKeyDoubtful(keyCheck) || limitLeft <= 0) return true;
  if (shareLeft <= 0) run.progress.handover ??= "Its share of orders is used up";
  return hasToHandOver(run);
}

function take({ progress }: OrderRun, orders: number): void {
  progress.limitLeft -= orders;
  progress.shareLeft -= orders;
}

/** Asks Stripe about the orders of a claim. One that could not be read is a failed attempt of its own, and asks nothing. */
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
    maxInFlight: ORDERS_IN_FLIGHT,
    halted: () => progress.broken !== null || retired.aborted,
    keyCheck: progress.keyCheck,
    onInternalError: (ref, error) => log.error("order_broke", { ref, error: reasonOf(error) }),
    metadataKey: task.settings.metadataKey,
    idempotencyScope: task.job,
  });
  const failed = unreadable.map((order) => failedAttempt(order, "order_unreadable"));
  return { ...batch, decisions: [...failed, ...batch.decisions] };
}

/** Orders that the batch did not get to, handed back as if they had never been claimed. */
function untouchedOf({ orders }: Claim, batch: ExaminedBatch): OrderDecision[] {
  const untouched = new Set(batch.untouched);
  return orders.filter(({ ref }) => untouched.has(ref)).map(({ ref, attempt }) => (
    { ref, attempt, outcome: "handed_back", reason: "untouched", nextCheckAt: null, payments: [] }
  ));
}
