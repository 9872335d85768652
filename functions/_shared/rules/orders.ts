/**
 * What the database and a run exchange: the database lends orders to a run (a claim), the run hands decisions back.
 *
 * Amounts are integers in the currency's minor unit, currencies are lower-case ISO codes, an empty account is the platform's own.
 */
import type { Reason } from "./reasons.ts";

/** One order that a run holds for a while. */
export type ClaimedOrder = {
  /** The shop's own key of the order. */
  ref: string;
  /** Its status before the claim. `unknown`: only payments at Stripe name it. */
  status: OrderStatus;
  /** Fencing token of this claim. A settlement refuses a decision with an older one; idempotency keys contain it. */
  attempt: number;
  /** Null: the shop cannot know it, and any payment that succeeds settles the order. */
  amount: number | null;
  currency: string | null;
  account: string;
  method: string | null;
  placedAt: Date;
  deadline: Date;
  /** End of the one extra grace for a customer in 3-D Secure; null: not granted yet. */
  graceUntil: Date | null;
  /** What the shop says of an order that the ledger does not know. Null: nothing, or the order is known. */
  shopState: "paid" | "closed" | "gone" | null;
  payments: ClaimedPayment[];
};

/** `open` covers pending and expiring. */
export type OrderStatus = "open" | "paid" | "expired" | "quarantined" | "unknown";

/** One PaymentIntent or one Checkout Session of a claimed order, as the ledger knows it. */
export type ClaimedPayment = {
  stripeId: string;
  kind: PaymentKind;
  account: string;
  state: PaymentState;
  /** `server`: attached by the shop. `client`: noted by a customer's role. `list`: found in Stripe's list. */
  source: "server" | "client" | "list";
  reason: string | null;
  /** What a recorded payment brought; null: nothing, or nobody asked Stripe. */
  receivedAmount: number | null;
  /** A session's own intent, as far as it was recorded. */
  intent: string | null;
  attachedAt: Date;
};

export type PaymentKind = "payment_intent" | "checkout_session";
export type PaymentState = "open" | "paid" | "dead";

/** What a run decided about one order; goes to the database as JSON. */
export type OrderDecision = {
  ref: string;
  attempt: number;
  /**
   * - `waiting`: nothing is wrong, a payment may still succeed.
   * - `retry`: a failed attempt. The database adds the backoff and quarantines after the last one.
   * - `checked`: the order is not open; its payments are recorded, and `nextCheckAt` says when to look again.
   * - `handed_back`: there was no time for it, or Stripe's limits left none. What was learned of its payments is recorded.
   */
  outcome: "expired" | "paid" | "waiting" | "retry" | "quarantined" | "checked" | "handed_back";
  reason: Reason;
  /** When to look again. Only a minimum for `retry`; null: never, or whenever the database says. */
  nextCheckAt: Date | null;
  /** Present only when this run grants the order its one extra grace. */
  graceUntil?: Date;
  payments: PaymentDecision[];
};

/** What a run learned or did about one payment. */
export type PaymentDecision = {
  stripeId: string;
  state: PaymentState;
  /** `canceled`: by this run. `kept`: nothing was cancelled, or nobody knows. */
  outcome: "canceled" | "found_dead" | "found_paid" | "kept";
  reason: Reason;
  /** A person should know of a payment that was kept, as its order is closed and no quarantine will tell. */
  alert?: boolean;
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
  /** The Checkout Session that made an intent; `none`: no session of the order did. Absent where nobody knows. */
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
