import Stripe from "stripe";
import type { Reason } from "../rules/reasons.ts";

/**
 * The outcome of one call to Stripe, which determines what to do next.
 *
 * - `object`: the call was executed. Assess the object.
 * - `refused`: the object's state does not allow the write. Only that state explains why: assess the object, or read it if the error did
 *   not contain it. `byCheckout`: Checkout made the intent, so only its session can be cancelled.
 * - `busy`: Stripe holds a lock on this one object. Leave it alone for a while.
 * - `throttled`: the call was not executed, and all calls must slow down.
 * - `unsent`: the call was not sent. `out_of_time`: no call starts after the deadline. `crowded`: the write would have had to wait, and
 *   the read before it would then be too old.
 * - `unknown`: the call may or may not have been executed.
 * - `quarantine`: a person must look at this payment.
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

/** Further facts about a call. Stripe's message is left out, because it may quote keys and e-mail addresses. */
export type Trace = { requestId: string | null; httpStatus: number | null; errorCode: string | null };

export const NO_TRACE: Trace = { requestId: null, httpStatus: null, errorCode: null };

/** `write`: a cancel, an expire or a refund, which Stripe may refuse because of the object's state. */
export type CallKind = "read" | "write";

/** An answer with an error status. */
export type Refusal<T> = {
  httpStatus: number;
  errorType?: string | null;
  errorCode?: string | null;
  /** The header Stripe-Rate-Limited-Reason of a 429; a lock_timeout has none. */
  rateLimitedReason?: string | null;
  requestId?: string | null;
  /** Whether the refusal says that Checkout made the intent. Only the message says so: there is no code for it. */
  byCheckout?: boolean;
  /** The object as it was when Stripe refused, if the error contained it. */
  object?: T | null;
};

/**
 * Classifies a refusal, by HTTP status first: a 429 and a 409 have the same error types as other errors.
 *
 * The error code never explains a refused write: Stripe added `payment_intent_invalid_cancellation_state` in 2025 without listing it, and
 * Checkout's refusal has no code. Only the object's own state explains it.
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
      // An account that left the platform must not stop the run for all others.
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
      // A lock on one object and a limit of one object are 429 as well, but do not slow down other calls.
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

/** Codes of refusals that concern one object: another call holds it, or it was changed too often. */
const OF_ONE_OBJECT: (string | null)[] = ["lock_timeout", "payment_intent_rate_limit_exceeded"];

function outcomeOf400<T>(
  { errorType, errorCode, byCheckout = false, object = null }: Refusal<T>,
  { call, trace }: { call: CallKind; trace: Trace },
): Outcome<T> {
  if (errorCode === "lock_timeout") return { kind: "busy", trace };
  if (errorType === "idempotency_error") return { kind: "quarantine", why: "idempotency_mismatch", trace };
  // stripe-node itself treats a 400 with this code as a rate limit.
  if (errorCode === "rate_limit") return { kind: "throttled", limit: "rate", trace };
  if (call === "read" || errorCode?.startsWith("parameter_")) {
    return { kind: "quarantine", why: "refused_request", trace };
  }
  return { kind: "refused", object, byCheckout, trace };
}

/**
 * Turns an error of the SDK into an outcome. Only the fields named here are copied, because the SDK's errors also contain the message, the
 * headers and the raw body.
 *
 * The SDK's error classes only tell "no answer" from an answer. Everything else is in the fields: a 409 on an idempotency key is a
 * StripeAPIError, and a lock and a rate limit share one class.
 *
 * @throws any other error, which is a fault of this program.
 */
export function outcomeOfError<T>(
  error: unknown,
  { kind, parse }: { kind: CallKind; parse: (raw: unknown) => T | null },
): Outcome<T> {
  // The SDK itself throws a TypeError when the body is `null`.
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

/** The SDK reports its time limit with the code ETIMEDOUT; during the body, in the `exception` of another error. */
function isTimeout({ detail }: InstanceType<typeof Stripe.errors.StripeConnectionError>): boolean {
  return [detail, fieldOf(detail, "exception")].some((error) => fieldOf(error, "code") === "ETIMEDOUT");
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}
