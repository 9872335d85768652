import type { AssessedPayment } from "../rules/assessment.ts";
import type { ClaimedOrder, PaymentDecision } from "../rules/orders.ts";

/** A shop may have this many payments from tests and imports that Stripe does not know. */
const MAX_UNKNOWN = 10;

/**
 * What a run has learned about its Stripe key; all of its batches share it.
 *
 * `known` and `unknown` count attached payments that Stripe knew and did not know. `isProven`: a listed payment named an order of this
 * shop.
 */
export type KeyCheck = { known: number; unknown: number; isProven: boolean };

export function createKeyCheck({ isProven = false } = {}): KeyCheck {
  return { known: 0, unknown: 0, isProven };
}

/**
 * Adds what Stripe said of one payment. A listed payment and one of an unknown order prove nothing, because every key can read the
 * payments of its own account.
 */
export function learnFrom(
  { payment, evidence, assessment }: AssessedPayment,
  { order, keyCheck: key }: { order: Pick<ClaimedOrder, "status">; keyCheck: KeyCheck },
): void {
  if (payment.source === "list" || order.status === "unknown") return;
  if (evidence.status !== undefined) key.known += 1;
  else if (assessment.kind === "quarantine" && isUnknown({ reason: assessment.why })) key.unknown += 1;
}

/** Whether Stripe says that the payment does not exist, or that the key may not see it. */
export function isUnknown({ reason }: Pick<PaymentDecision, "reason">): boolean {
  return reason === "payment_not_found" || reason === "account_access_lost";
}

/**
 * Whether the key is probably not the shop's: many payments were unknown and not one was known. A single known payment proves the key; the
 * unknown ones are then really missing, because their account left the platform or test data was deleted.
 */
export function isKeyDoubtful({ known, unknown }: KeyCheck): boolean {
  return known === 0 && unknown > MAX_UNKNOWN;
}

/** Whether payments of unknown orders may be cancelled. With another shop's key, all of that shop's payments would look like that. */
export function isKeyProven({ known, isProven }: KeyCheck): boolean {
  return known > 0 || isProven;
}
