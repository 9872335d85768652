import type { JobResult, Ports, RunOrders } from "../_shared/run/job.ts";
import { beginCleanup, type Cleanup } from "./cleanup.ts";
import { lookAtPayments } from "./look-at-payments.ts";
import { sweep } from "./sweep.ts";
import { type BatchEnd, workOnPayments } from "./work-on-payments.ts";

/** Payments looked at together. At 20 calls a second they are read and ended within ten seconds, well within the lease. */
const BATCH = 100;

/**
 * Ends payments that can only do harm, and finds the paid ones that nobody told the shop of.
 *
 * First the payments the database knows: open ones of closed orders, and those due on the revisit list. Then the sweep over what
 * Stripe lists as created since the last one, for payments the shop never recorded. Kill this at any line: whatever was to be
 * ended stands on the revisit list before it is ended, and the sweep goes on from its last settled page.
 */
export async function cleanupStalePaymentIntents(ports: Ports, orders: RunOrders): Promise<JobResult> {
  const cleanup = beginCleanup(ports, orders);
  const end = await workOnKnownPayments(cleanup) ?? await sweep(cleanup);
  return { ...resultOf(cleanup, end), ...(cleanup.steps.foreseen ? { decisions: cleanup.steps.foreseen() } : {}) };
}

async function workOnKnownPayments(cleanup: Cleanup): Promise<BatchEnd | null> {
  const { steps, ports: { clock, deadline, log } } = cleanup;
  // What this run puts on the revisit list falls due later, so that it meets each payment once.
  const dueBy = clock.now();
  for (;;) {
    if (clock.now() >= deadline.claim) return { kind: "out_of_time" };
    const payments = await steps.stalePayments({ dueBy, limit: BATCH });
    if (payments.length === 0) return null;
    const looked = await lookAtPayments(payments, cleanup);
    if (!Array.isArray(looked)) return looked;
    const { decisions, end } = await workOnPayments(looked, cleanup);
    const outcomes = await steps.settle(decisions, null);
    log.info("payments_settled", { looked_at: looked.length, outcomes });
    if (end) return end;
  }
}

function resultOf({ progress }: Cleanup, end: BatchEnd | null): JobResult {
  switch (end?.kind) {
    case "stopped":
      return { status: "failed", error: `Stripe stopped the run: ${end.why}`, workLeft: false };
    case "braked":
      return {
        status: "braked",
        error: "More payments would be ended than the brake allows; an operator has to release it",
        workLeft: false,
      };
    case "list_failed":
      // Only a run that got somewhere goes on at once: while Stripe is down, continuations would chase each other.
      return {
        status: progress.pages > 0 ? "partial" : "failed",
        error: `Stripe's list could not be read: ${end.why}`,
        workLeft: progress.pages > 0,
      };
    case "out_of_time":
      return { status: "partial", error: "Time ran out before the work did", workLeft: true };
    case "limit_reached":
    case undefined:
      return progress.unclear > 0
        ? {
          status: "partial",
          error: `${progress.unclear} payments could not be decided and will be tried again`,
          workLeft: false,
        }
        : { status: "succeeded", error: null, workLeft: false };
  }
}
