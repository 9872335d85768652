/**
 * A Checkout Session and the PaymentIntent that Stripe made for it are one payment with two ids. A shop that attaches both was paid once,
 * and a refund of either would return all of the money.
 */
import type { AssessedAs, AssessedPayment } from "./assessment.ts";
import type { ClaimedPayment } from "./orders.ts";

/** What tells whether two ids are one payment. `ownIntent`: a session's own intent; null if it is not known. */
export type PaymentIdentity = Pick<ClaimedPayment, "stripeId" | "kind"> & { ownIntent: string | null };

export function identityOf({ payment, ownIntent }: Pick<AssessedPayment, "payment" | "ownIntent">): PaymentIdentity {
  return { stripeId: payment.stripeId, kind: payment.kind, ownIntent: ownIntent ?? payment.intent };
}

/** The paid payments without the intents whose own session is among them. */
export function dedupeSessionIntents(paid: readonly AssessedAs<"paid">[]): AssessedAs<"paid">[] {
  const own = new Set(paid.map((it) => identityOf(it).ownIntent));
  return paid.filter(({ payment }) => !own.has(payment.stripeId));
}

/** Whether two ids of one order are the same payment. Null if only Stripe knows, because the session's intent was not recorded. */
export function isSamePayment(one: PaymentIdentity, other: PaymentIdentity): boolean | null {
  if (one.kind === other.kind) return one.stripeId === other.stripeId;
  const [session, intent] = one.kind === "checkout_session" ? [one, other] : [other, one];
  return session.ownIntent === null ? null : session.ownIntent === intent.stripeId;
}
