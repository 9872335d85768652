import * as z from "zod/mini";
import { count, instant, uuid } from "../parsing.ts";
import type { OrderDecision } from "../rules/orders.ts";
import type { DueRefund, RefundResult } from "../rules/refunds.ts";
import { claimedOrders, closedOrders, previewUnits, settledOrders } from "./orders.ts";
import type { Rpc } from "./rpc.ts";
import { beginAnswer, type FinishedRun, type Lease, type NewRun, runRow } from "./runs.ts";

/**
 * How far one of Stripe's lists was read. `account`: a connected account, or empty for the platform's own. `proven`: a recently listed
 * payment named an order of this shop, so the key is the shop's.
 */
export type ListCursor = { account: string; list: StripeList; readTo: Date; proven: boolean };
export type StripeList = "payment_intents" | "checkout_sessions";

/** All payments of one list that name an order and were created in [from, to). */
export type ListedWindow = { from: Date; to: Date; payments: ListedPayment[] };

/** `ref`: the order that the payment names. */
export type ListedPayment = { stripeId: string; ref: string; createdAt: Date; status: string };

const listCursors: z.ZodMiniType<ListCursor[]> = z.lazy(() =>
  z.array(z.object({
    account: z.string(),
    list: z.enum(["payment_intents", "checkout_sessions"]),
    readTo: instant,
    proven: z.boolean(),
  }))
);

const recordedWindow = z.lazy(() => z.object({ readTo: instant, recorded: count, proven: z.boolean() }));

const dueRefunds: z.ZodMiniType<DueRefund[]> = z.lazy(() =>
  z.array(z.object({
    id: uuid,
    stripeId: z.string(),
    account: z.string(),
    ref: z.string(),
    source: z.enum(["server", "client", "list"]),
    attempt: count,
    keyNumber: count,
  }))
);

/** Every call that a run makes to the database. Each is one transaction. */
export type Database = ReturnType<typeof createDatabase>;

/**
 * The database as a run sees it: one method per SQL function. `repeatable` marks calls that may be repeated after their answer was lost.
 * `functionsUrl` says where the function runs; a database that belongs to functions elsewhere refuses to begin a run.
 */
export function createDatabase(rpc: Rpc, functionsUrl?: string) {
  return {
    /** Tells the database where this function is, and the secret that opens its gate for the scheduler. */
    connect: (url: string, schedulerSecret: string) =>
      rpc("lapse_connect", { p_functions_url: url, p_scheduler_secret: schedulerSecret }, {
        answer: z.string(),
        repeatable: true,
      }),
    // Not repeatable: a second call would find the run begun and answer "duplicate", and no run would do the work.
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
        ...(functionsUrl === undefined ? {} : { p_functions_url: functionsUrl }),
      }, { answer: beginAnswer, repeatable: false }),
    finishRun: (run: FinishedRun) =>
      rpc("lapse_finish_run", {
        p_run_id: run.runId,
        p_status: run.status,
        p_error: run.error,
        p_stripe_calls: run.stripeCalls,
        p_stripe_throttled: run.stripeThrottled,
      }, { answer: runRow, repeatable: true }),
    /** Queues a continuation of the run and returns its id; null while the job is paused. */
    continueRun: (runId: string) =>
      rpc("lapse_continue_run", { p_run_id: runId }, { answer: z.nullable(uuid), repeatable: true }),

    /** The lists to read before orders are claimed, oldest first. */
    listCursors: (lease: Lease, livemode: boolean) =>
      rpc("lapse_list_windows", { ...leaseOf(lease), p_livemode: livemode }, {
        answer: listCursors,
        repeatable: true,
      }),
    /** Records the payments of a window and moves the cursor past it, in one transaction. */
    recordListed: (lease: Lease, { account, list }: ListCursor, livemode: boolean, window: ListedWindow) =>
      rpc("lapse_record_listed", {
        ...leaseOf(lease),
        p_livemode: livemode,
        p_account: account,
        p_list: list,
        p_from: window.from.toISOString(),
        p_to: window.to.toISOString(),
        p_payments: window.payments,
      }, { answer: recordedWindow, repeatable: true }),
    /** Records why a list could not be read. The orders of its account wait, and an alert follows. */
    listFailed: (lease: Lease, { account, list }: ListCursor, livemode: boolean, error: string) =>
      rpc("lapse_list_failed", {
        ...leaseOf(lease),
        p_livemode: livemode,
        p_account: account,
        p_list: list,
        p_error: error,
      }, { answer: z.unknown(), repeatable: true }),

    // Not repeatable: after a lost answer, a second call could close more orders than the run's limit allows.
    closeWithoutPayments: (lease: Lease, limit: number) =>
      rpc("lapse_close_without_payments", { ...leaseOf(lease), p_limit: limit }, {
        answer: closedOrders,
        repeatable: false,
      }),
    /** Halves the number of orders that one such statement takes, and returns it. */
    shrinkCloseBatch: (lease: Lease) =>
      rpc("lapse_shrink_close_batch", leaseOf(lease), { answer: count, repeatable: false }),

    // Not repeatable: a second call would claim other orders. A claim whose answer was lost lapses.
    claimOrders: (lease: Lease, limit: number) =>
      rpc("lapse_claim_orders", { ...leaseOf(lease), p_limit: limit }, { answer: claimedOrders, repeatable: false }),
    /** Claims orders without payments, for a run that could not close them in one statement. */
    claimWithoutPayments: (lease: Lease, limit: number) =>
      rpc("lapse_claim_without_payments", { ...leaseOf(lease), p_limit: limit }, {
        answer: claimedOrders,
        repeatable: false,
      }),
    previewOrders: (job: string, limit: number) =>
      rpc("lapse_preview_orders", { p_job: job, p_limit: limit }, { answer: claimedOrders, repeatable: true }),
    /** Units that would be released, by ref. Orders whose units the shop cannot tell are left out. */
    previewUnits: (refs: string[]) =>
      rpc("lapse_preview_units", { p_refs: refs }, { answer: previewUnits, repeatable: true }),
    settleOrders: (lease: Lease, decisions: OrderDecision[]) =>
      rpc("lapse_settle_orders", { ...leaseOf(lease), p_decisions: decisions }, {
        answer: settledOrders,
        repeatable: true,
      }),

    // Not repeatable: a second call would take other refunds. What was taken is due again when the lease has run out.
    claimRefunds: (lease: Lease, limit: number) =>
      rpc("lapse_claim_refunds", { ...leaseOf(lease), p_limit: limit }, { answer: dueRefunds, repeatable: false }),
    /** Returns false if another attempt was made since; then that one's result counts. */
    recordRefund: (lease: Lease, { id, attempt }: DueRefund, result: RefundResult) =>
      rpc("lapse_record_refund", { ...leaseOf(lease), p_id: id, p_attempt: attempt, p_result: result }, {
        answer: z.boolean(),
        repeatable: true,
      }),
  };
}

function leaseOf({ runId, fence }: Lease) {
  return { p_run_id: runId, p_fence: fence };
}
