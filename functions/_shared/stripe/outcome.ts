import type { Reason } from "./reasons.ts";
import type { CallFailure, Reply } from "./reply.ts";

/**
 * What to do after a call to Stripe.
 *
 * - `object`: judge it. `refused` tells a refusal that carried the object from a success.
 * - `reread`: refused, and only the object's state can say why.
 * - `owned_by_checkout`: refused, end the intent through its Checkout Session.
 * - `busy`: Stripe holds a lock on this one object; leave it for a while.
 * - `throttled`: not executed, everybody has to slow down.
 * - `out_of_time`: not sent.
 * - `unknown`: it may or may not have been executed.
 * - `quarantine`: a person has to look at this payment.
 * - `stop`: no call of this run can succeed.
 */
export type Outcome<T> =
  | { kind: "object"; object: T; refused: boolean }
  | { kind: "reread" }
  | { kind: "owned_by_checkout" }
  | { kind: "busy" }
  | { kind: "throttled" }
  | { kind: "out_of_time" }
  | { kind: "unknown"; why: Reason }
  | { kind: "quarantine"; why: Reason }
  | { kind: "stop"; why: Reason };

/** `end`: a cancel or an expire, which Stripe may refuse because of the object's state. */
export type CallKind = "read" | "end";

/**
 * Says what a reply means, by HTTP status first: on the wire a 429 and a 409 carry the same error types as other errors.
 *
 * A refused `end` is never explained by its error code: Stripe added `payment_intent_invalid_cancellation_state` in
 * 2025 without listing it, and Checkout's refusal has no code. Only the object's own state explains it.
 */
export function outcomeOf<T>(reply: Reply<T>, call: CallKind): Outcome<T> {
  if (reply.ok) return { kind: "object", object: reply.object, refused: false };
  const { failure } = reply;
  switch (failure.kind) {
    case "not_sent":
      return { kind: "out_of_time" };
    case "bad_reply":
    case "timeout":
    case "connection_lost":
      return { kind: "unknown", why: failure.kind };
    case "refused":
      return outcomeOfRefusal(failure, call);
  }
}

function outcomeOfRefusal<T>(failure: CallFailure<T>, call: CallKind): Outcome<T> {
  const { httpStatus, errorCode, rateLimitedReason } = failure;
  // An object lock, not a rate limit, although both are 429. Concerns this object only.
  if (errorCode === "lock_timeout") return { kind: "busy" };
  switch (httpStatus) {
    case 400:
      return outcomeOf400(failure, call);
    case 401:
      return { kind: "stop", why: "key_rejected" };
    case 402:
      return { kind: "unknown", why: "card_error" };
    case 403:
      // One shop that left the platform must not stop the run for all others.
      return errorCode === "account_invalid"
        ? { kind: "quarantine", why: "account_access_lost" }
        : { kind: "stop", why: "permission_denied" };
    case 404:
      return { kind: "quarantine", why: errorCode === "resource_missing" ? "payment_not_found" : "refused_request" };
    case 409:
      return { kind: "unknown", why: "call_in_progress" };
    case 429:
      return rateLimitedReason === "resource-specific" || errorCode === "payment_intent_rate_limit_exceeded"
        ? { kind: "busy" }
        : { kind: "throttled" };
  }
  if (httpStatus !== null && httpStatus >= 500) return { kind: "unknown", why: "server_error" };
  if (httpStatus !== null && httpStatus >= 400) return { kind: "quarantine", why: "refused_request" };
  return { kind: "unknown", why: "bad_reply" };
}

function outcomeOf400<T>(failure: CallFailure<T>, call: CallKind): Outcome<T> {
  const { errorType, errorCode, ownedByCheckout, object } = failure;
  if (errorType === "idempotency_error") return { kind: "quarantine", why: "idempotency_mismatch" };
  // stripe-node itself reads a 400 with this code as a rate limit.
  if (errorCode === "rate_limit") return { kind: "throttled" };
  if (call === "read" || errorCode?.startsWith("parameter_")) return { kind: "quarantine", why: "refused_request" };
  // Before looking at the object: a still cancelable intent that Checkout owns is ended through its session.
  if (ownedByCheckout) return { kind: "owned_by_checkout" };
  return object ? { kind: "object", object, refused: true } : { kind: "reread" };
}
