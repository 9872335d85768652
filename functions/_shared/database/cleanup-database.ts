import type { StalePayment, StalePaymentDecision, SweepPage, SweepSlice } from "../payments.ts";
import { planAnswer, type SettledPayments, settledPayments, stalePayments, sweepSlice } from "./cleanup-contracts.ts";
import type { Lease } from "./jobs-database.ts";
import type { Rpc } from "./rpc.ts";

/** Which slices a dry run has walked: [from, to). */
export type Walked = { from: Date; to: Date };

/** An intent as Stripe lists it. */
export type InspectedIntent = { stripeId: string; orderId: string; status?: string };

/** The calls a clean-up makes to the database between its beginning and its end. One method, one transaction. */
export type CleanupDatabase = {
  /** Payments the database knows the clean-up has to look at, due at `dueBy` or before. */
  stalePayments(livemode: boolean, options: { dueBy: Date; limit: number }): Promise<StalePayment[]>;
  /**
   * What the database knows of these intents of the platform's own account, in their order. Where Stripe's `status` is given, those are
   * left out that are over and recorded so.
   */
  inspectPayments(livemode: boolean, intents: InspectedIntent[]): Promise<StalePayment[]>;
  /** Leave to end these payments at Stripe. False: the brake is on. */
  planEnds(lease: Lease, options: { livemode: boolean; payments: StalePayment[] }): Promise<boolean>;
  settlePayments(
    lease: Lease,
    batch: {
      livemode: boolean;
      decisions: StalePaymentDecision[];
      page: SweepPage | null;
    },
  ): Promise<SettledPayments>;
  /** The slice under way, or the next one; null: the sweep is up to date. */
  nextSlice(lease: Lease, livemode: boolean): Promise<SweepSlice | null>;
  previewSlice(livemode: boolean, walked: Walked | null): Promise<SweepSlice | null>;
};

/** The clean-up's half of {@linkcode JobsDatabase}. Every call may be repeated: what it writes is compare-and-set. */
export function createCleanupDatabase(rpc: Rpc): CleanupDatabase {
  return {
    stalePayments: (livemode, { dueBy, limit }) =>
      rpc("jobs_stale_payments", { p_livemode: livemode, p_due_by: dueBy.toISOString(), p_limit: limit }, {
        answer: stalePayments,
        repeatable: true,
      }),
    inspectPayments: (livemode, intents) =>
      rpc("jobs_inspect_payments", { p_livemode: livemode, p_payments: intents }, {
        answer: stalePayments,
        repeatable: true,
      }),
    planEnds: async ({ runId, fence }, { livemode, payments }) => {
      const planned = payments.map(({ kind, stripeId, stripeAccount, orderId }) => ({
        kind,
        stripeId,
        stripeAccount,
        orderId,
      }));
      const { allowed } = await rpc(
        "jobs_plan_ends",
        { p_run_id: runId, p_fence: fence, p_livemode: livemode, p_payments: planned },
        { answer: planAnswer, repeatable: true },
      );
      return allowed;
    },
    settlePayments: ({ runId, fence }, { livemode, decisions, page }) =>
      rpc("jobs_settle_payments", {
        p_run_id: runId,
        p_fence: fence,
        p_livemode: livemode,
        p_decisions: decisions,
        p_page: page,
      }, { answer: settledPayments, repeatable: true }),
    nextSlice: ({ runId, fence }, livemode) =>
      rpc("jobs_next_slice", { p_run_id: runId, p_fence: fence, p_livemode: livemode }, {
        answer: sweepSlice,
        repeatable: true,
      }),
    previewSlice: (livemode, walked) =>
      rpc("jobs_preview_slice", {
        p_livemode: livemode,
        p_walked_from: walked?.from.toISOString() ?? null,
        p_walked_to: walked?.to.toISOString() ?? null,
      }, { answer: sweepSlice, repeatable: true }),
  };
}
