import type { Store } from "./store.ts";
import type { StoredIntent } from "./stored.ts";

const PAYABLE_LATER = [
  "oxxo_display_details",
  "boleto_display_details",
  "konbini_display_details",
  "multibanco_display_details",
  "pix_display_qr_code",
  "display_bank_transfer_instructions",
];

/** Whether the customer has a code or an account number that can be paid after leaving the page. */
export function isVoucherAction(intent: StoredIntent): boolean {
  return intent.status === "requires_action" && PAYABLE_LATER.includes(intent.nextAction?.type ?? "");
}

/**
 * Updates a Checkout Session after its intent changed. Once submitted it is `complete`, and `paid` only when the money
 * has arrived.
 */
export function followIntent(store: Store, intent: StoredIntent): void {
  const session = intent.session === null ? undefined : store.sessions.get(intent.session);
  if (session === undefined || session.status === "expired") return;
  const wasComplete = session.status === "complete";
  const waits = intent.status === "processing" || intent.status === "requires_capture" || isVoucherAction(intent);
  if (intent.status === "succeeded") {
    session.status = "complete";
    session.paymentStatus = "paid";
    store.emit(wasComplete ? "checkout.session.async_payment_succeeded" : "checkout.session.completed", session);
  } else if (waits && !wasComplete) {
    session.status = "complete";
    store.emit("checkout.session.completed", session);
  } else if (intent.status === "requires_payment_method" && wasComplete) {
    store.emit("checkout.session.async_payment_failed", session);
  }
}
