/**
 * A Checkout Session and the PaymentIntent that Stripe made for it are one payment under two ids. A shop that attaches both has been
 * paid once, and a refund of "the other one" would give back all there is.
 */
import type { Payer, StalePayment } from "../payments.ts";
import type { Finding } from "./finding.ts";

/** Payments that were paid, each money once: without the intents whose own session is among them. */
export function eachMoneyOnce<F extends Pick<Finding, "payment" | "ownIntent">>(paid: readonly F[]): F[] {
  const counted = new Set(paid.map(({ ownIntent }) => ownIntent));
  return paid.filter(({ payment }) => !counted.has(payment.stripeId));
}

/** Stripe's word on which intent a session has, and which sessions an intent: null where nobody asked. */
export type Told = { intent: string | null; sessions: string[] | null };

/** Whether a payment and one that is recorded as paid are the same money. Null: only Stripe can tell. */
export function isSameMoney(
  { kind, stripeId }: Pick<StalePayment, "kind" | "stripeId">,
  { payer, told }: { payer: Payer; told: Told },
): boolean | null {
  if (kind === payer.kind) return false;
  if (kind === "checkout_session") {
    return told.intent === null || payer.stripeId === null ? null : told.intent === payer.stripeId;
  }
  if (payer.intent !== null) return payer.intent === stripeId;
  if (told.sessions === null) return null;
  // Where the database does not name its session, an intent of Checkout may be that one's.
  return payer.stripeId === null ? told.sessions.length > 0 : told.sessions.includes(payer.stripeId);
}
