import type { AssessedPayment } from "../rules/assessment.ts";
import type { ClaimedOrder, PaymentDecision } from "../rules/orders.ts";

/** So many orders of tests and imports a shop may have; a person looks at each. */
const MAX_UNKNOWN = 10;

/**
 * What a run has learned about its Stripe key; its batches share it.
 *
 * `known` and `unknown` count attached payments that Stripe knew and did not know. `isProven`: a payment in Stripe's list named an
 * order of this shop.
 */
export type KeyCheck = { known: number; unknown: number; isProven: boolean };

export function createKeyCheck({ isProven = false } = {}): KeyCheck {
  return { known: 0, unknown: 0, isProven };
}

/**
 * Adds what Stripe said of one payment. One that was found in Stripe's list, or names an order nobody knows, proves nothing: every
 * key can read its own account's payments.
 */
export function learnFrom(
  { payment, evidence, assessment }: AssessedPayment,
  { order, keyCheck: key }: { order: Pick<ClaimedOrder, "status">; keyCheck: KeyCheck },
): void {
  if (payment.source === "list" || order.status === "unknown") return;
  if (evidence.status !== undefined) key.known += 1;
  else if (assessment.kind === "quarantine" && isUnknown({ reason: assessment.why })) key.unknown += 1;
}

/** Whether Stripe says that there is no such payment, or that the key may not see it. */
export function isUnknown({ reason }: Pick<PaymentDecision, "reason">): boolean {
  return reason === "payment_not_found" || reason === "account_access_lost";
}

/**
 * Whether the key is most likely not the shop's: many payments were unknown and not one was known. A single known one proves the key,
 * and the others are truly missing: their account left the platform, or test data was deleted.
 */
export function isKeyDoubtful({ known, unknown }: KeyCheck): boolean {
  return known === 0 && unknown > MAX_UNKNOWN;
}

/** Whether payments of orders that nobody knows may be cancelled: with the key of another shop, all of its payments look like that. */
export function isKeyProven({ known, isProven }: KeyCheck): boolean {
  return known > 0 || isProven;
}
