import { z } from "zod/mini";
import { count, uuid } from "../parsing.ts";
import type { OrderDecision } from "../rules/orders.ts";
import { type ListCursor, listCursors, type ListedWindow, recordedWindow } from "./lists.ts";
import { claimedOrders, closedOrders, settledOrders } from "./orders.ts";
import type { Rpc } from "./rpc.ts";
import { beginAnswer, type Lease, type NewRun, type RunEnd, runRow } from "./runs.ts";

/** Every call a run makes to the database. One method, one transaction. */
export type Database = ReturnType<typeof createDatabase>;

/**
 * The database as a run sees it: one method per function of migrations/. `repeatable` marks what may be called again when an answer
 * got lost on its way.
 */
export function createDatabase(rpc: Rpc) {
  return {
    // Not repeatable: a second call would find the run begun and answer "duplicate", and nobody would do the work.
    beginRun: (run: NewRun) =>
      rpc("lapse_begin_run", {
        p_run_id: run.runId,
        p_job: run.job,
        p_trigger: run.trigger,
        p_requested_by: run.requestedBy,
        p_reason: run.reason,
        p_dry_run: run.dryRun,
        p_limit: run.limit,
        p_release_brake: run.releaseBrake,
      }, { answer: beginAnswer, repeatable: false }),
    finishRun: (end: RunEnd) =>
      rpc("lapse_finish_run", {
        p_run_id: end.runId,
        p_status: end.status,
        p_error: end.error,
        p_stripe_calls: end.stripeCalls,
        p_stripe_throttled: end.stripeThrottled,
      }, { answer: runRow, repeatable: true }),
    /** Queues the run that goes on where this one stopped and answers its id; null while the job is paused. */
    continueRun: (runId: string) =>
      rpc("lapse_continue_run", { p_run_id: runId }, { answer: z.nullable(uuid), repeatable: true }),

    /** The lists that have to be read before orders are claimed, oldest first. */
    listWindows: (lease: Lease, livemode: boolean) =>
      rpc("lapse_list_windows", { ...provedBy(lease), p_livemode: livemode }, {
        answer: listCursors,
        repeatable: true,
      }),
    /** Records the payments of a window and moves the cursor over it, in one transaction. */
    recordListed: (lease: Lease, { account, list }: ListCursor, livemode: boolean, window: ListedWindow) =>
      rpc("lapse_record_listed", {
        ...provedBy(lease),
        p_livemode: livemode,
        p_account: account,
        p_list: list,
        p_from: window.from.toISOString(),
        p_to: window.to.toISOString(),
        p_payments: window.payments,
      }, { answer: recordedWindow, repeatable: true }),
    /** Notes why a list could not be read. Its account's orders wait, and an alert follows. */
    listFailed: (lease: Lease, { account, list }: ListCursor, livemode: boolean, error: string) =>
      rpc("lapse_list_failed", {
        ...provedBy(lease),
        p_livemode: livemode,
        p_account: account,
        p_list: list,
        p_error: error,
      }, { answer: z.unknown(), repeatable: true }),

    // Not repeatable: repeated after a lost answer, it would close more orders than the run's limit allows.
    closeWithoutPayments: (lease: Lease, limit: number) =>
      rpc("lapse_close_without_payments", { ...provedBy(lease), p_limit: limit }, {
        answer: closedOrders,
        repeatable: false,
      }),
    /** Halves the number of orders that one such statement takes, and answers it. */
    shrinkCloseBatch: (lease: Lease) =>
      rpc("lapse_shrink_close_batch", provedBy(lease), { answer: count, repeatable: false }),

    // Not repeatable: a claim whose answer got lost would be claimed by nobody; its time runs out instead.
    claimOrders: (lease: Lease, limit: number) =>
      rpc("lapse_claim_orders", { ...provedBy(lease), p_limit: limit }, { answer: claimedOrders, repeatable: false }),
    /** Claims orders without payments one by one, for a run that could not close them in one statement. */
    claimWithoutPayments: (lease: Lease, limit: number) =>
      rpc("lapse_claim_without_payments", { ...provedBy(lease), p_limit: limit }, {
        answer: claimedOrders,
        repeatable: false,
      }),
    previewOrders: (job: string, limit: number) =>
      rpc("lapse_preview_orders", { p_job: job, p_limit: limit }, { answer: claimedOrders, repeatable: true }),
    settleOrders: (lease: Lease, decisions: OrderDecision[]) =>
      rpc("lapse_settle_orders", { ...provedBy(lease), p_decisions: decisions }, {
        answer: settledOrders,
        repeatable: true,
      }),
  };
}

function provedBy({ runId, fence }: Lease) {
  return { p_run_id: runId, p_fence: fence };
}
