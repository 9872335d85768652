/**
 * What the two halves of a clean-up exchange: the database says what it knows of a payment, the run hands back what it decided.
 *
 * Amounts are integers in the currency's minor unit, currencies are lower-case ISO codes.
 */
import type { PaymentEvidence, PaymentKind, PaymentState } from "./orders.ts";
import type { CleanupReason } from "./stripe/cleanup-reasons.ts";

/** What the database knows of one payment that the clean-up looks at. */
export type StalePayment = {
  kind: PaymentKind;
  stripeId: string;
  /** The connected account the payment lives on; null for the platform's own. */
  stripeAccount: string | null;
  /** The order it was attached to, else the one its metadata names; null: it could not be read yet. */
  orderId: string | null;
  /** Null: there is no such order. */
  order: { status: OrderStatus; amount: number; currency: string } | null;
  /** Null: the shop never recorded the payment. */
  recordedState: PaymentState | null;
  /** The order's other payments that are recorded as paid. */
  paidBy: Payer[];
  /** The order has another recorded payment that is an open Checkout Session: its intent is listed at Stripe under a name of its own. */
  openSession: boolean;
  /** Its entry on the revisit list. `ending`: the clean-up set out to end it and did not get to write what came of it. */
  listed: { looks: number; ending: boolean } | null;
};

/** A payment that is recorded as paid; `stripeId` null: the database does not tell. `intent`: a session's own, null where nobody knows. */
export type Payer = { kind: PaymentKind; stripeId: string | null; intent: string | null };

export type OrderStatus =
  | "pending"
  | "expiring"
  | "expired"
  | "paid"
  | "quarantined";

/** What the clean-up decides about one payment; goes to the database as JSON, where jobs.settle_payment says what follows. */
export type StalePaymentDecision =
  & Pick<StalePayment, "kind" | "stripeId" | "stripeAccount" | "orderId">
  & {
    outcome:
      | "canceled"
      | "found_dead"
      | "found_paid"
      | "paid"
      | "late_payment"
      | "kept"
      | "deferred"
      | "unlisted";
    reason: CleanupReason;
    /** When to look again; null: never. */
    nextLookAt: Date | null;
    /** Whether an operator has to hear of a payment that was kept. */
    alert: boolean;
    evidence: PaymentEvidence;
  };

/** A slice of Stripe's list, walked from its newest payment to its oldest. `createdFrom` inclusive, `createdTo` exclusive. */
export type SweepSlice = {
  /** Null in a dry run, for a slice that no run has begun. */
  id: number | null;
  createdFrom: Date;
  createdTo: Date;
  /** Last payment of the last settled page. */
  cursor: string | null;
  /** Everything created after this has been seen. */
  reached: Date;
};

/** A page of a slice: settled together with its decisions, so that cursor and decisions cannot part. */
export type SweepPage = {
  sweepId: number;
  /** The cursor the page was read after. */
  after: string | null;
  cursor: string | null;
  reached: Date;
  seen: number;
  /** Payments on it with the shop's own metadata. */
  own: number;
  finished: boolean;
};
