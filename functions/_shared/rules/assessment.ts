import type { ClaimedOrder, ClaimedPayment, PaymentEvidence } from "./orders.ts";
import type { Policy } from "./policy.ts";
import type { Reason } from "./reasons.ts";

/**
 * What an inspection means for one payment. The first five are verdicts on Stripe's answer; the others say why there is none.
 *
 * - `paid`: the shop has the money. The amount is in minor units; the currency is null when nothing was charged.
 * - `dead`: the payment can never succeed. `why` is set if it did succeed and was refunded in full.
 * - `cancelable`: unpaid, and `call` may cancel it now without harm.
 * - `wait`: must not be cancelled before `until`. `grants` is set when this assessment grants the order's one extra grace.
 * - `quarantine`: must not be changed until a person has inspected it.
 * - `unclear`: a failed attempt. `notBefore` is the earliest time of the next one.
 * - `postponed`: the time or the pace did not allow a call, which is no failed attempt.
 * - `stop`: no call of this run can succeed.
 */
export type PaymentAssessment =
  | { kind: "paid"; amountReceived: number; currency: string | null }
  | { kind: "dead"; why?: "refunded" }
  | { kind: "cancelable"; call: "cancel_intent" | "expire_session"; id: string }
  | { kind: "wait"; until: Date; why: Reason; grants?: Date }
  | { kind: "quarantine"; why: Reason }
  | { kind: "unclear"; why: Reason; notBefore?: Date }
  | { kind: "postponed"; why: "throttled" | "out_of_time" | "run_stopped"; until: Date }
  | { kind: "stop"; why: Reason };

/** What an assessment takes into account besides Stripe's answer. `livemode`: the mode of the key that read the object. */
export type AssessContext = {
  order: Pick<ClaimedOrder, "ref" | "status" | "amount" | "currency" | "graceUntil">;
  payment: Pick<ClaimedPayment, "source">;
  metadataKey: string;
  livemode: boolean;
  policy: Policy;
  now: Date;
};

/** One payment with what this run knows about it. */
export type AssessedPayment = {
  payment: ClaimedPayment;
  assessment: PaymentAssessment;
  /** The reason to record when this run cancelled it; null when it did not. */
  canceled: Extract<Reason, "ended_by_run" | "ended_reply_lost"> | null;
  evidence: PaymentEvidence;
  /** The intent of a Checkout Session, once it has one. */
  ownIntent: string | null;
};

/** An assessed payment whose assessment is of one kind. */
export type AssessedAs<K extends PaymentAssessment["kind"]> = AssessedPayment & {
  assessment: Extract<PaymentAssessment, { kind: K }>;
};

export function isAssessedAs<K extends PaymentAssessment["kind"]>(kind: K) {
  return (it: AssessedPayment): it is AssessedAs<K> => it.assessment.kind === kind;
}

/** Resolves an inspection after a cancel: dead means that the cancel worked, cancelable that it did not. */
export function resolveAfterCancel(
  again: AssessedPayment,
  { why, canceled }: { why: Reason; canceled: AssessedPayment["canceled"] },
): AssessedPayment {
  switch (again.assessment.kind) {
    case "cancelable":
      return { ...again, assessment: { kind: "unclear", why } };
    case "dead":
      return again.assessment.why === undefined ? { ...again, canceled } : again;
    default:
      return again;
  }
}

/**
 * What tells whether two ids are one payment: a Checkout Session and the PaymentIntent that Stripe made for it are. A shop that attaches both
 * was paid once, and a refund of either would return all of the money. `ownIntent`: a session's own intent; null if it is not known.
 */
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
