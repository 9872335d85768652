import type Stripe from "stripe";

/** A PaymentIntent as kept: only what varies. The full Stripe object is made when it is read (render.ts). */
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
  /** The Checkout Session that owns it, if any: such an intent is cancelled through its session. */
  session: string | null;
  /** The invoice it pays, if any. Not a field of the object since 2025-03-31.basil; seen through invoice_payments. */
  invoice: string | null;
  /** Simulated ms at which a voucher or an uncaptured authorisation lapses. */
  lapsesAtMs: number | null;
  /** What search still shows while its index lags behind (simulated ms). */
  statusBefore: string | null;
  statusChangedAtMs: number;
  /** What an answer last said of it; null while no answer showed it. */
  statusShown: string | null;
  insertedAtMs: number;
  /** Parameters kept and shown as they came (description, receipt_email, …). */
  extras: Record<string, unknown> | null;
};

/** A Checkout Session as kept. Its intent is null until the customer confirms (Stripe changelog 2022-08-01). */
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
  /** Set when the customer may bring it back after it expired; `until` in seconds, null before that. */
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

/** An event with its object as it was at that moment. */
export type StoredEvent = {
  id: string;
  created: number;
  seq: number;
  type: string;
  object: unknown;
  key: string | null;
};
