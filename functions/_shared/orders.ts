/**
 * What the two halves of a run exchange: the database hands out claimed orders, the run hands back decisions.
 *
 * The words are those of the design: a *claim* lends an order to a run, a *decision* says what the run did with it,
 * *settle* writes decisions. Amounts are integers in the currency's minor unit, currencies are lower-case ISO codes.
 */
import type { Reason } from "./stripe/reasons.ts";

/** What `claim` returns for one order. */
export type ClaimedOrder = {
  id: string;
  /** Fencing token of this claim. Settle refuses a decision with an older one; it is also part of idempotency keys. */
  attempt: number;
  amount: number;
  currency: string;
  payments: ClaimedPayment[];
};

/** One PaymentIntent or one Checkout Session of a claimed order, as the database knows it. */
export type ClaimedPayment = {
  id: string;
  kind: PaymentKind;
  stripeId: string;
  /** The connected account the payment lives on; null for the platform's own. */
  stripeAccount: string | null;
  state: PaymentState;
  /** Set once, when a run found the customer in the middle of paying; never extended. */
  graceUntil: Date | null;
  createdAt: Date;
};

export type PaymentKind = "payment_intent" | "checkout_session";
export type PaymentState = "open" | "paid" | "dead";

/** What a run decides about one order; goes to `settle` as JSON. */
export type OrderDecision = {
  orderId: string;
  attempt: number;
  /**
   * `retry` is a failed attempt: the database adds the backoff and quarantines after the last one.
   * `waiting` is not a failure: nothing is wrong, the order is just not decidable yet.
   */
  outcome: "expired" | "paid" | "waiting" | "retry" | "quarantined";
  reason: Reason;
  /** When to look again: exact for `waiting`, only a minimum for `retry`, null otherwise. */
  nextCheckAt: Date | null;
  payments: PaymentDecision[];
};

/** What a run decides about one payment that it asked Stripe about. */
export type PaymentDecision = {
  paymentId: string;
  stripeId: string;
  state: PaymentState;
  /** `canceled`: this run ended it. `kept`: nothing was ended, or nobody knows. */
  outcome: "canceled" | "found_dead" | "found_paid" | "kept";
  reason: Reason;
  /** Present only when this run grants the customer the one extra grace. */
  graceUntil?: Date;
  evidence: PaymentEvidence;
};

/** What Stripe said, small enough to keep for ever: no secret, no client_secret, no personal data. */
export type PaymentEvidence = {
  object?: PaymentKind;
  status?: string;
  payment_status?: string;
  /** The status of the session's own intent, when the evidence is a session. */
  intent_status?: string;
  /** The id of the session's own intent. */
  intent?: string;
  /** The Checkout Session that an intent belongs to, where it was asked for. */
  session?: string;
  amount?: number;
  amount_received?: number;
  currency?: string;
  cancellation_reason?: string;
  next_action?: string;
  request_id?: string;
  http_status?: number;
  error_code?: string;
};
