import { z } from "zod/mini";
import type { OrderDecision, PaymentDecision } from "../orders.ts";
import { type Claim, claimedOrders } from "./claimed-orders.ts";
import {
  type BeginAnswer,
  beginAnswer,
  expiredWithoutPayments,
  type ReservedCalls,
  reservedCalls,
  type RunRow,
  runRow,
  type Settled,
  settled,
} from "./contracts.ts";
import { type CleanupDatabase, createCleanupDatabase } from "./cleanup-database.ts";
import type { Rpc } from "./rpc.ts";
import { count, uuid } from "./scalars.ts";

/** Proof that a run may still change things: its id and the number of its lease. */
export type Lease = { runId: string; fence: number };

export type NewRun = {
  runId: string;
  job: string;
  trigger: string;
  requestedBy: string;
  reason: string | null;
  dryRun: boolean;
  limit: number | null;
  releaseBrake: boolean;
};

export type RunEnd = {
  runId: string;
  status: "succeeded" | "partial" | "failed" | "braked";
  error: string | null;
  stripeCalls: number;
  stripeThrottled: number;
};

/** An order given back as if it had never been claimed; what was found out about its payments is written down. */
export type HandedBack = {
  orderId: string;
  attempt: number;
  outcome: "handed_back";
  reason: string;
  payments: PaymentDecision[];
};

/** Every call a run makes to the database. One method, one transaction. */
export type JobsDatabase = CleanupDatabase & {
  beginRun(run: NewRun): Promise<BeginAnswer>;
  finishRun(end: RunEnd): Promise<RunRow>;
  /** Queues the run that goes on where this one stopped and answers its id; null while the job is paused. */
  continueRun(runId: string): Promise<string | null>;
  expireWithoutPayments(lease: Lease, limit: number): Promise<{ expired: number; unitsReleased: number }>;
  claimOrders(lease: Lease, limit: number): Promise<Claim>;
  /** Claims orders without payments, for a run that could not close them all in one statement. */
  claimWithoutPayments(lease: Lease, limit: number): Promise<Claim>;
  previewOrders(limit: number): Promise<Claim>;
  settleOrders(lease: Lease, decisions: (OrderDecision | HandedBack)[]): Promise<Settled>;
  /** How many PaymentIntents were attached in each of these stretches of time. */
  countIntents(stretches: { from: Date; to: Date }[]): Promise<number[]>;
  reserveCalls(livemode: boolean, endpoint: string, count: number): Promise<ReservedCalls>;
  reportThrottle(livemode: boolean, endpoint: string, scope: "endpoint" | "account"): Promise<void>;
};

/** The database as a run sees it. `repeatable` marks what may be called again when an answer got lost on its way. */
export function createJobsDatabase(rpc: Rpc): JobsDatabase {
  return {
    ...createCleanupDatabase(rpc),
    // Not repeatable: a second call would find the run begun and answer "duplicate", and nobody would do the work.
    beginRun: (run) =>
      rpc("jobs_begin_run", {
        p_run_id: run.runId,
        p_job: run.job,
        p_trigger: run.trigger,
        p_requested_by: run.requestedBy,
        p_reason: run.reason,
        p_dry_run: run.dryRun,
        p_limit: run.limit,
        p_release_brake: run.releaseBrake,
      }, { answer: beginAnswer, repeatable: false }),
    finishRun: (end) =>
      rpc("jobs_finish_run", {
        p_run_id: end.runId,
        p_status: end.status,
        p_error: end.error,
        p_stripe_calls: end.stripeCalls,
        p_stripe_throttled: end.stripeThrottled,
      }, { answer: runRow, repeatable: true }),
    continueRun: (runId) =>
      rpc("jobs_continue_run", { p_run_id: runId }, { answer: z.nullable(uuid), repeatable: true }),
    // Not repeatable: repeated after a lost answer, it would close more orders than the run's limit allows.
    expireWithoutPayments: ({ runId, fence }, limit) =>
      rpc("jobs_expire_without_payments", { p_run_id: runId, p_fence: fence, p_limit: limit }, {
        answer: expiredWithoutPayments,
        repeatable: false,
      }),
    // Not repeatable: a claim whose answer got lost would be claimed by nobody; its lease runs out instead.
    claimOrders: ({ runId, fence }, limit) =>
      rpc("jobs_claim_orders", { p_run_id: runId, p_fence: fence, p_limit: limit }, {
        answer: claimedOrders,
        repeatable: false,
      }),
    claimWithoutPayments: ({ runId, fence }, limit) =>
      rpc("jobs_claim_without_payments", { p_run_id: runId, p_fence: fence, p_limit: limit }, {
        answer: claimedOrders,
        repeatable: false,
      }),
    previewOrders: (limit) =>
      rpc("jobs_preview_orders", { p_limit: limit }, { answer: claimedOrders, repeatable: true }),
    settleOrders: ({ runId, fence }, decisions) =>
      rpc("jobs_settle_orders", { p_run_id: runId, p_fence: fence, p_decisions: decisions }, {
        answer: settled,
        repeatable: true,
      }),
    countIntents: (stretches) =>
      rpc("jobs_count_intents", {
        p_from: stretches.map(({ from }) => from.toISOString()),
        p_to: stretches.map(({ to }) => to.toISOString()),
      }, { answer: z.array(count), repeatable: true }),
    reserveCalls: (livemode, endpoint, slots) =>
      rpc("jobs_reserve_calls", { p_livemode: livemode, p_endpoint: endpoint, p_count: slots }, {
        answer: reservedCalls,
        repeatable: true,
      }),
    reportThrottle: (livemode, endpoint, scope) =>
      rpc("jobs_report_throttle", { p_livemode: livemode, p_endpoint: endpoint, p_scope: scope }, {
        answer: z.pipe(z.unknown(), z.transform(() => undefined)),
        repeatable: false,
      }),
  };
}
