import type { ClaimedPayment } from "../_shared/orders.ts";
import type { StalePayment } from "../_shared/payments.ts";

/** The payment as the protocol knows it. */
export function asClaimed(payment: StalePayment): ClaimedPayment {
  return {
    id: payment.stripeId,
    kind: payment.kind,
    stripeId: payment.stripeId,
    stripeAccount: payment.stripeAccount,
    state: payment.recordedState ?? "open",
    // The grace for a customer in 3-D Secure is used up: the order is closed, or the payment is days old.
    graceUntil: new Date(0),
    createdAt: new Date(0),
  };
}
