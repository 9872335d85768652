import type { PaymentEvidence } from "../orders.ts";
import type { StripeIntent, StripeSession } from "./objects.ts";
import type { Reply } from "./reply.ts";

/** What a reply proves, cut down to what may be kept: never the client_secret, never anything about a person. */
export function evidenceOf(reply: Reply<StripeIntent | StripeSession>): PaymentEvidence {
  if (reply.ok) return withoutNulls({ ...factsOf(reply.object), request_id: reply.requestId });
  const { object, requestId, httpStatus, errorCode } = reply.failure;
  const facts = object ? factsOf(object) : {};
  return withoutNulls({ ...facts, request_id: requestId, http_status: httpStatus, error_code: errorCode });
}

type Facts = { [key in keyof PaymentEvidence]: PaymentEvidence[key] | null };

function factsOf(object: StripeIntent | StripeSession): Facts {
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

/** The intent that a reply about a session is about: the session's, or the one that was ended for it. */
export function intentIdOf(reply: Reply<StripeIntent | StripeSession>): string | null {
  const object = reply.ok ? reply.object : reply.failure.object;
  if (!object) return null;
  if (object.object === "payment_intent") return object.id;
  return typeof object.payment_intent === "string" ? object.payment_intent : object.payment_intent?.id ?? null;
}

function withoutNulls(facts: Facts): PaymentEvidence {
  const kept: { [key: string]: unknown } = {};
  for (const [key, value] of Object.entries(facts)) if (value !== null && value !== undefined) kept[key] = value;
  return kept;
}
