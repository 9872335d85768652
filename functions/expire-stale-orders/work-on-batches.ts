import type { Claim } from "../_shared/database/claimed-orders.ts";
import type { HandedBack, JobsDatabase } from "../_shared/database/jobs-database.ts";
import { reasonOf } from "../_shared/errors.ts";
import type { Ports, RunOrders } from "../_shared/run/job.ts";
import type { ExaminedBatch } from "../_shared/stripe/examine-orders.ts";
import { isKeyDoubtful, type KeyEvidence } from "../_shared/stripe/key-evidence.ts";
import type { Reason } from "../_shared/stripe/reasons.ts";
import { examineClaim } from "./examine-claim.ts";
import { settleBatch } from "./settle-batch.ts";

/** What a run that changes things was asked to do. */
export type Work = Extract<RunOrders, { dryRun: false }>;

/** How far a run has come; shared by the batches under way. */
export type Progress = {
  /** Orders it may still decide. */
  left: number;
  failed: number;
  /** What all batches together have learned about the key. */
  evidence: KeyEvidence;
  /** Why Stripe stopped the run; whether the key is doubtful is for `evidence` to say. */
  stop: Reason | null;
  outOfTime: boolean;
  /** Why orders went back undecided although nothing is wrong with them, or null. */
  delay: string | null;
  /** What broke a batch first. */
  broken: ExaminedBatch["broken"];
};

/**
 * Claims, asks Stripe and settles until nothing is due or the run has to end. Mostly two batches at a time: while one settles and claims
 * anew, the other keeps the call budget busy. `claimOrders` is how they claim.
 *
 * When the database gives up waiting, they end as well: what they handed back is due at once, and they would claim it again and again.
 *
 * @throws what broke one of the batches, once all of them have ended: the lease is given back then, and without it nobody may go on
 * ending payments.
 */
export async function workOnBatches(
  ports: Ports,
  work: Work,
  progress: Progress,
  claimOrders: JobsDatabase["claimOrders"] = ports.database.claimOrders,
): Promise<void> {
  const lanes: Lanes = { claimOrders, delayed: false };
  const lane = async () => {
    try {
      await workOnLane(ports, work, progress, lanes);
    } catch (error) {
      ports.log.error("batch_broke", { error: reasonOf(error) });
      progress.broken ??= { error };
    }
  };
  await Promise.all(Array.from({ length: work.settings.batchesAtOnce }, lane));
  if (progress.broken) throw progress.broken.error;
}

type Lanes = { claimOrders: JobsDatabase["claimOrders"]; delayed: boolean };

async function workOnLane(ports: Ports, { lease, settings }: Work, progress: Progress, lanes: Lanes): Promise<void> {
  const { database, clock, deadline, log } = ports;
  const { evidence } = progress;
  // The key is judged anew each time: what another batch finds meanwhile may prove it right.
  const hasToEnd = () => progress.stop !== null || progress.broken !== null || lanes.delayed || isKeyDoubtful(evidence);
  while (progress.left > 0 && !hasToEnd()) {
    if (clock.now() >= deadline.claim) return void (progress.outOfTime = true);
    const asked = Math.min(progress.left, settings.claimBatch);
    // Taken before the answer is here, so that batches side by side do not exceed the limit together.
    progress.left -= asked;
    const claim = await lanes.claimOrders(lease, asked);
    const claimed = claim.orders.length + claim.unreadable.length;
    progress.left += asked - claimed;
    // Only an empty claim is the end: a small one may have skipped orders that others work on, or set hopeless ones aside.
    if (claimed === 0) return;
    const halted = () => progress.broken !== null;
    const batch = await examineClaim(claim, ports, { settings, evidence, dryRun: false, halted });
    // Before settling, which takes a while: the other batches begin nothing more.
    progress.broken ??= batch.broken;
    const { outcomes, superseded, failed, delay } = await settleBatch(decisionsOf(claim, batch), {
      database,
      lease,
      log,
    });
    log.info("batch_settled", { claimed, superseded, stop: batch.stop, delay, outcomes });
    progress.failed += failed;
    progress.delay ??= delay;
    lanes.delayed ||= delay !== null;
    if (batch.stop !== "too_many_not_found") progress.stop ??= batch.stop;
    if (batch.untouched.length > 0 && batch.stop === null && batch.broken === null) {
      progress.outOfTime = true;
    }
    if (progress.outOfTime) return;
  }
}

function decisionsOf({ orders }: Claim, batch: ExaminedBatch) {
  const untouched = new Set(batch.untouched);
  const handedBack = orders
    .filter((order) => untouched.has(order.id))
    .map(({ id, attempt }): HandedBack => (
      { orderId: id, attempt, outcome: "handed_back", reason: "untouched", payments: [] }
    ));
  return [...batch.decisions, ...handedBack];
}
