import type { ClaimedOrder, ClaimedPayment, PaymentEvidence } from "./orders.ts";
import type { Policy } from "./policy.ts";
import type { Reason } from "./reasons.ts";

/**
 * What an inspection means for one payment. The first five are verdicts on Stripe's answer; the others say why there is none.
 *
 * - `paid`: the shop has the money. The amount is in minor units; the currency is null when nothing was charged.
 * - `dead`: the payment can never succeed.
 * - `cancelable`: unpaid, and `call` may cancel it now without harm to anybody.
 * - `wait`: must not be cancelled before `until`. `grants` is set when this assessment grants the order's one extra grace.
 * - `quarantine`: must not be touched until a person has looked at it.
 * - `unclear`: a failed attempt. `notBefore` is the earliest time of the next one.
 * - `postponed`: the time or the pace did not allow a call, which is no failed attempt.
 * - `stop`: no call of this run can succeed.
 */
export type PaymentAssessment =
  | { kind: "paid"; amountReceived: number; currency: string | null }
  | { kind: "dead" }
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
  /** Of a Checkout Session: the id of its own intent, as soon as it has one. */
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
      return { ...again, canceled };
    default:
      return again;
  }
}
