/**
 * A Checkout Session and the PaymentIntent that Stripe made for it are one payment under two ids. A shop that attaches both has been
 * paid once, and a refund of "the other one" would give back all there is.
 */
import type { AssessedAs, AssessedPayment } from "./assessment.ts";
import type { ClaimedPayment } from "./orders.ts";

/** What tells whether two payments are the same money. `ownIntent`: a session's own intent; null where nobody knows it. */
export type Money = Pick<ClaimedPayment, "stripeId" | "kind"> & { ownIntent: string | null };

export function moneyOf({ payment, ownIntent }: Pick<AssessedPayment, "payment" | "ownIntent">): Money {
  return { stripeId: payment.stripeId, kind: payment.kind, ownIntent: ownIntent ?? payment.intent };
}

/** Paid payments, each money once: without the intents whose own session is among them. */
export function eachMoneyOnce(paid: readonly AssessedAs<"paid">[]): AssessedAs<"paid">[] {
  const own = new Set(paid.map((it) => moneyOf(it).ownIntent));
  return paid.filter(({ payment }) => !own.has(payment.stripeId));
}

/** Whether two payments of one order are the same money. Null: only Stripe can tell, by the session's own intent. */
export function isSameMoney(one: Money, other: Money): boolean | null {
  if (one.kind === other.kind) return one.stripeId === other.stripeId;
  const [session, intent] = one.kind === "checkout_session" ? [one, other] : [other, one];
  return session.ownIntent === null ? null : session.ownIntent === intent.stripeId;
}
