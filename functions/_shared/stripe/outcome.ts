import Stripe from "stripe";
import type { Reason } from "../rules/reasons.ts";

/**
 * What came of one call to Stripe, and with it what to do next.
 *
 * - `object`: it was executed. Assess the object.
 * - `refused`: a write that the object's state does not allow. Only that state can say why: assess the object, or read it if the
 *   error did not carry it. `byCheckout`: Checkout made the intent, so only its session can be ended.
 * - `busy`: Stripe holds a lock on this one object; leave it for a while.
 * - `throttled`: not executed, everybody has to slow down.
 * - `unsent`: it never left. `out_of_time`: no call starts after the deadline. `crowded`: a write that would have had to wait,
 *   after which the look before it would be too old.
 * - `unknown`: it may or may not have been executed.
 * - `quarantine`: a person has to look at this payment.
 * - `stop`: no call of this run can succeed.
 */
export type Outcome<T> =
  & (
    | { kind: "object"; object: T }
    | { kind: "refused"; object: T | null; byCheckout: boolean }
    | { kind: "busy" }
    | { kind: "throttled"; limit: "rate" | "concurrency" }
    | { kind: "unsent"; why: "out_of_time" | "crowded" }
    | { kind: "unknown"; why: Reason }
    | { kind: "quarantine"; why: Reason }
    | { kind: "stop"; why: Reason }
  )
  & { trace: Trace };

/** What is known of a call beside its outcome. Stripe's message is left out: it may quote keys and e-mail addresses. */
export type Trace = { requestId: string | null; httpStatus: number | null; errorCode: string | null };

export const NO_TRACE: Trace = { requestId: null, httpStatus: null, errorCode: null };

/** `write`: a cancel or an expire, which Stripe may refuse because of the object's state. */
export type CallKind = "read" | "write";

/** An answer with an error status. */
export type Refusal<T> = {
  httpStatus: number;
  errorType?: string | null;
  errorCode?: string | null;
  /** The header Stripe-Rate-Limited-Reason of a 429. A lock_timeout has none. */
  rateLimitedReason?: string | null;
  requestId?: string | null;
  /** The refusal says that Checkout made the intent. It says so in the message only: there is no code for it. */
  byCheckout?: boolean;
  /** The object as it was when Stripe refused, if the error carried it. */
  object?: T | null;
};

/**
 * Says what a refusal means, by HTTP status first: on the wire a 429 and a 409 carry the same error types as other errors.
 *
 * A refused write is never explained by its error code: Stripe added `payment_intent_invalid_cancellation_state` in 2025 without
 * listing it, and Checkout's refusal has no code. Only the object's own state explains it.
 */
export function outcomeOfRefusal<T>(refusal: Refusal<T>, call: CallKind): Outcome<T> {
  const { httpStatus, errorCode = null, rateLimitedReason = null, requestId = null } = refusal;
  const trace = { requestId, httpStatus, errorCode };
  switch (httpStatus) {
    case 400:
      return outcomeOf400(refusal, { call, trace });
    case 401:
      return { kind: "stop", why: "key_rejected", trace };
    case 402:
      return { kind: "unknown", why: "card_error", trace };
    case 403:
      // One shop that left the platform must not stop the run for all others.
      return errorCode === "account_invalid"
        ? { kind: "quarantine", why: "account_access_lost", trace }
        : { kind: "stop", why: "permission_denied", trace };
    case 404:
      return {
        kind: "quarantine",
        why: errorCode === "resource_missing" ? "payment_not_found" : "refused_request",
        trace,
      };
    case 409:
      return { kind: "unknown", why: "call_in_progress", trace };
    case 429:
      // A lock on one object, and the limit of one object, are 429 as well. They slow nobody else down.
      if (rateLimitedReason === "resource-specific" || OF_ONE_OBJECT.includes(errorCode)) {
        return { kind: "busy", trace };
      }
      return { kind: "throttled", limit: rateLimitedReason?.endsWith("-concurrency") ? "concurrency" : "rate", trace };
  }
  if (httpStatus >= 500) return { kind: "unknown", why: "server_error", trace };
  return httpStatus >= 400
    ? { kind: "quarantine", why: "refused_request", trace }
    : { kind: "unknown", why: "bad_reply", trace };
}

/** Codes of refusals that concern one object: somebody else works on it, or it was changed too often. */
const OF_ONE_OBJECT: (string | null)[] = ["lock_timeout", "payment_intent_rate_limit_exceeded"];

function outcomeOf400<T>(
  { errorType, errorCode, byCheckout = false, object = null }: Refusal<T>,
  { call, trace }: { call: CallKind; trace: Trace },
): Outcome<T> {
  if (errorCode === "lock_timeout") return { kind: "busy", trace };
  if (errorType === "idempotency_error") return { kind: "quarantine", why: "idempotency_mismatch", trace };
  // stripe-node itself reads a 400 with this code as a rate limit.
  if (errorCode === "rate_limit") return { kind: "throttled", limit: "rate", trace };
  if (call === "read" || errorCode?.startsWith("parameter_")) {
    return { kind: "quarantine", why: "refused_request", trace };
  }
  return { kind: "refused", object, byCheckout, trace };
}

/**
 * Turns what the SDK threw into an outcome. Only listed fields are taken over: the SDK's errors also hold the message, the headers
 * and the raw body.
 *
 * The SDK's classes are read for one purpose, to tell "no answer" from an answer; everything else is in the fields (its class for a
 * 409 on an idempotency key is StripeAPIError, and a lock and a rate limit share one class).
 *
 * @throws what is not about Stripe or the network: a fault of this program.
 */
export function outcomeOfError<T>(
  error: unknown,
  { kind, parse }: { kind: CallKind; parse: (raw: unknown) => T | null },
): Outcome<T> {
  // `null` as a body makes the SDK itself stumble over the missing `error` key.
  if (error instanceof TypeError) return { kind: "unknown", why: "bad_reply", trace: NO_TRACE };
  if (!(error instanceof Stripe.errors.StripeError)) throw error;
  const trace = { ...NO_TRACE, requestId: error.requestId ?? null };
  if (error instanceof Stripe.errors.StripeConnectionError) {
    return { kind: "unknown", why: isTimeout(error) ? "timeout" : "connection_lost", trace };
  }
  // Invalid JSON, the HTML page of a proxy for example: the SDK drops the status.
  if (error.statusCode === undefined) return { kind: "unknown", why: "bad_reply", trace };
  return outcomeOfRefusal<T>({
    httpStatus: error.statusCode,
    errorType: error.rawType ?? null,
    errorCode: error.code ?? null,
    rateLimitedReason: error.headers?.["stripe-rate-limited-reason"] ?? null,
    requestId: error.requestId ?? null,
    byCheckout: /created by Checkout/i.test(error.message),
    object: error.payment_intent ? parse(error.payment_intent) : null,
  }, kind);
}

/** The SDK's time limit is an error with the code ETIMEDOUT; one that meets the body comes as the `exception` of another error. */
function isTimeout({ detail }: InstanceType<typeof Stripe.errors.StripeConnectionError>): boolean {
  return [detail, fieldOf(detail, "exception")].some((error) => fieldOf(error, "code") === "ETIMEDOUT");
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}
