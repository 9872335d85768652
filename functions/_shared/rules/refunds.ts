/** What a run and the database exchange about refunds. Amounts are in the currency's minor unit. */
import type { ClaimedPayment } from "./orders.ts";

/** A refund to carry out now: all that is left of the payment's money. */
export type DueRefund = {
  id: string;
  /** The payment, a PaymentIntent or a Checkout Session. */
  stripeId: string;
  account: string;
  ref: string;
  source: ClaimedPayment["source"];
  /** The number of this attempt. The database ignores the result of an earlier one. */
  attempt: number;
  /** Part of the idempotency key. */
  keyNumber: number;
};

/**
 * The result of one attempt.
 *
 * - `succeeded`: the money is on its way back, by this refund or by another one.
 * - `pending`: a bank decides.
 * - `refused`: Stripe refused the call for good. The next attempt uses another key.
 * - `retry`: the outcome is unknown, or the call was not sent. The next attempt uses the same key, unless `newKey` is set.
 * - `failed`: no further attempt can help.
 */
export type RefundResult = {
  outcome: "succeeded" | "pending" | "refused" | "retry" | "failed";
  intent?: string;
  refundId?: string;
  amount?: number;
  currency?: string;
  /** The payment's total refunded amount. */
  amountRefunded?: number;
  /** Whether the next attempt needs another key although the outcome is unknown. */
  newKey?: boolean;
  error?: string;
};
