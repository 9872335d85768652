import type { PaymentDecision } from "../orders.ts";

/** So many orders of tests and imports a shop may have; a person looks at each. */
const MAX_UNKNOWN = 10;

/** Payments that Stripe knew and did not know in a run so far; shared by its batches. */
export type KeyEvidence = { known: number; unknown: number };

/** Adds what Stripe said about the payments of one order. */
export function collectEvidence(evidence: KeyEvidence, payments: PaymentDecision[]): void {
  for (const payment of payments) {
    if (payment.evidence.status !== undefined) evidence.known += 1;
    else if (isUnknown(payment)) evidence.unknown += 1;
  }
}

/** Whether Stripe says that there is no such payment, or that the key may not see it. */
export function isUnknown({ reason }: Pick<PaymentDecision, "reason">): boolean {
  return reason === "payment_not_found" || reason === "account_access_lost";
}

/**
 * Whether the key is most likely not the shop's: many payments were unknown and not one was known. A single known one proves the
 * key, and the others are truly missing: their account left the platform, or test data was deleted.
 */
export function isKeyDoubtful({ known, unknown }: KeyEvidence): boolean {
  return known === 0 && unknown > MAX_UNKNOWN;
}
