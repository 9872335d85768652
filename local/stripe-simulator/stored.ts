import type Stripe from "stripe";

/** A PaymentIntent as stored: only what varies. The complete Stripe object is rendered when it is read (render.ts). */
export type StoredIntent = {
  id: string;
  created: number;
  seq: number;
  status: string;
  amount: number;
  currency: string;
  metadata: Record<string, string>;
  captureMethod: string;
  amountCapturable: number;
  amountReceived: number;
  canceledAt: number | null;
  cancellationReason: string | null;
  customer: string | null;
  paymentMethod: string | null;
  paymentMethodTypes: string[];
  nextAction: Stripe.PaymentIntent.NextAction | null;
  lastPaymentError: Stripe.PaymentIntent.LastPaymentError | null;
  latestCharge: string | null;
  /** Its Checkout Session, if any. Such an intent is cancelled through its session. */
  session: string | null;
  /**
   * Its invoice, if any. Since 2025-03-31.basil that is not a field of the object, but visible through
   * invoice_payments.
   */
  invoice: string | null;
  /** The simulated time in ms at which a voucher or an uncaptured authorisation expires. */
  lapsesAtMs: number | null;
  /** The status that search still shows until its index is updated (simulated ms). */
  statusBefore: string | null;
  statusChangedAtMs: number;
  /** The status in the latest answer; null if no answer has shown it. */
  statusShown: string | null;
  insertedAtMs: number;
  /** Parameters that are stored and returned unchanged (description, receipt_email, …). */
  extras: Record<string, unknown> | null;
};

/** A Checkout Session as stored. Its intent is null until the customer confirms (Stripe changelog 2022-08-01). */
export type StoredSession = {
  id: string;
  created: number;
  seq: number;
  status: "open" | "complete" | "expired";
  paymentStatus: "paid" | "unpaid" | "no_payment_required";
  expiresAt: number;
  amount: number;
  currency: string;
  metadata: Record<string, string>;
  intent: string | null;
  intentMetadata: Record<string, string>;
  captureMethod: string;
  customer: string | null;
  /** Set if the customer can recover it after it expired; `until` in seconds, null before that. */
  recovery: { promotionCodes: boolean; until: number | null } | null;
  /** The expired session that it is a copy of. */
  recoveredFrom: string | null;
  extras: Record<string, unknown> | null;
};

export type StoredRefund = {
  id: string;
  created: number;
  seq: number;
  amount: number;
  currency: string;
  intent: string;
  charge: string | null;
  metadata: Record<string, string>;
  reason: string | null;
  status: "succeeded" | "pending" | "failed";
};

export type StoredDispute = {
  id: string;
  created: number;
  amount: number;
  currency: string;
  intent: string;
  charge: string;
  status: "needs_response" | "won" | "lost";
};

/** An event with the state its object had at that moment. */
export type StoredEvent = {
  id: string;
  created: number;
  seq: number;
  type: string;
  object: unknown;
  key: string | null;
};
