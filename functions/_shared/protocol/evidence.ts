import type { PaymentEvidence } from "../rules/orders.ts";
import type { StripeIntent, StripeSession } from "../stripe/objects.ts";
import type { Outcome } from "../stripe/outcome.ts";

type StripeObject = StripeIntent | StripeSession;
type Facts = { [key in keyof PaymentEvidence]: PaymentEvidence[key] | null | undefined };

/** The part of an outcome that may be kept as evidence: no client_secret and no personal data. */
export function evidenceOf(outcome: Outcome<StripeObject>): PaymentEvidence {
  const object = objectOf(outcome);
  const { requestId, httpStatus, errorCode } = outcome.trace;
  return withoutNulls({
    ...(object === null ? {} : factsOf(object)),
    request_id: requestId,
    http_status: httpStatus,
    error_code: errorCode,
  });
}

/** The id of the intent in the outcome of a call for a session: the session's own, or the one that was cancelled instead. */
export function intentIdOf(outcome: Outcome<StripeObject>): string | null {
  const object = objectOf(outcome);
  if (object === null) return null;
  if (object.object === "payment_intent") return object.id;
  return typeof object.payment_intent === "string" ? object.payment_intent : object.payment_intent?.id ?? null;
}

function objectOf(outcome: Outcome<StripeObject>): StripeObject | null {
  return outcome.kind === "object" || outcome.kind === "refused" ? outcome.object : null;
}

function factsOf(object: StripeObject): Facts {
  if (object.object === "payment_intent") {
    return {
      object: "payment_intent",
      status: object.status,
      amount: object.amount,
      amount_received: object.amount_received,
      currency: object.currency,
      cancellation_reason: object.cancellation_reason,
      next_action: object.next_action?.type,
    };
  }
  const intent = typeof object.payment_intent === "string" ? null : object.payment_intent;
  return {
    object: "checkout_session",
    status: object.status,
    payment_status: object.payment_status,
    amount: object.amount_total,
    currency: object.currency,
    intent_status: intent?.status,
    amount_received: intent?.amount_received,
    cancellation_reason: intent?.cancellation_reason,
    next_action: intent?.next_action?.type,
  };
}

function withoutNulls(facts: Facts): PaymentEvidence {
  const kept: { [key: string]: unknown } = {};
  for (const [key, value] of Object.entries(facts)) if (value !== null && value !== undefined) kept[key] = value;
  return kept;
}
