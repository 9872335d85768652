/**
 * What the database and a run exchange: a run claims orders and returns decisions.
 *
 * Amounts are integers in the currency's minor unit, currencies are lower-case ISO codes, and an empty account is the platform's own.
 */
import type { Reason } from "./reasons.ts";

/** One order that a run has claimed. */
export type ClaimedOrder = {
  /** The shop's own key of the order. */
  ref: string;
  /** Its status before the claim. */
  status: OrderStatus;
  /** The fencing token of this claim. A settlement ignores decisions with an older one. Idempotency keys contain it. */
  attempt: number;
  /** Null if the shop cannot know the amount; then any payment that succeeds settles the order. */
  amount: number | null;
  currency: string | null;
  account: string;
  method: string | null;
  placedAt: Date;
  deadline: Date;
  /** The end of the one extra grace for a customer in 3-D Secure; null if it was not granted yet. */
  graceUntil: Date | null;
  /** The shop's answer about an unknown order; null if it gave none, or if the order is known. */
  shopState: "paid" | "closed" | "gone" | null;
  payments: ClaimedPayment[];
};

/** `open` covers pending and expiring. `unknown`: the ledger lacks the order; only payments at Stripe name it. */
export type OrderStatus = "open" | "paid" | "expired" | "quarantined" | "unknown";

/** One PaymentIntent or one Checkout Session of a claimed order, as the ledger knows it. */
export type ClaimedPayment = {
  stripeId: string;
  kind: PaymentKind;
  account: string;
  state: PaymentState;
  /** `server`: attached by the shop. `client`: recorded with a customer's role. `list`: found in Stripe's list. */
  source: "server" | "client" | "list";
  reason: string | null;
  /** The amount that a recorded payment brought; null if it is not paid or Stripe was never asked. */
  receivedAmount: number | null;
  /** A session's own intent, if it was recorded. */
  intent: string | null;
  attachedAt: Date;
};

export type PaymentKind = "payment_intent" | "checkout_session";
export type PaymentState = "open" | "paid" | "dead";

/** What a run decided about one order. */
export type OrderDecision = {
  ref: string;
  attempt: number;
  /**
   * - `waiting`: nothing is wrong, and a payment may still succeed.
   * - `retry`: a failed attempt. The database adds the backoff and quarantines the order after the last one.
   * - `checked`: the order is not open. Its payments are recorded.
   * - `handed_back`: time or Stripe's limits did not allow a decision. What was learned of its payments is recorded.
   */
  outcome: "expired" | "paid" | "waiting" | "retry" | "quarantined" | "checked" | "handed_back";
  reason: Reason;
  /** When to check the order again; for `retry` the earliest time. Null: never, or when the database decides. */
  nextCheckAt: Date | null;
  /** Set only when this run grants the order its one extra grace. */
  graceUntil?: Date;
  /** Of a paid order, the amount that the money was compared with. The database hands the order back if the shop has raised it since. */
  amount?: number;
  payments: PaymentDecision[];
};

/** What a run learned or did about one payment. */
export type PaymentDecision = {
  stripeId: string;
  state: PaymentState;
  /** `canceled`: by this run. `kept`: not cancelled, or its state is unclear. */
  outcome: "canceled" | "found_dead" | "found_paid" | "kept";
  reason: Reason;
  /** Whether to alert a person: the payment was kept, but its order is closed and cannot be quarantined. */
  alert?: boolean;
  evidence: PaymentEvidence;
};

/** What Stripe answered, as far as it may be stored permanently: no secret, no client_secret, no personal data. */
export type PaymentEvidence = {
  object?: PaymentKind;
  status?: string;
  payment_status?: string;
  /** The status of the session's own intent, when the evidence is a session. */
  intent_status?: string;
  /** The id of the session's own intent. */
  intent?: string;
  /** The Checkout Session that made the intent; `none` if no session of the order did; absent if that is not known. */
  session?: string;
  amount?: number;
  amount_received?: number;
  /** The refunded part of the received amount. */
  amount_refunded?: number;
  disputed?: boolean;
  currency?: string;
  cancellation_reason?: string;
  next_action?: string;
  request_id?: string;
  http_status?: number;
  error_code?: string;
};
