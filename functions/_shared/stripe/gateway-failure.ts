import Stripe from "stripe";
import { UnsentCallError } from "../errors.ts";
import { blankFailure, type CallFailure } from "./reply.ts";

/**
 * Turns what the SDK threw into a failure. Only listed fields are taken over: the SDK's errors also hold the message,
 * the headers and the raw body.
 *
 * The SDK's classes are read for one purpose, to tell "no answer" from an answer; everything else is in the fields
 * (its class for a 409 on an idempotency key is StripeAPIError, and a lock and a rate limit share one class).
 *
 * A call that never left because its time was over is `not_sent`.
 *
 * @throws what is not about Stripe or the network: a fault of this program, or a call budget that could not be asked.
 */
export function failureOf<T>(error: unknown, parse: (raw: unknown) => T | null): CallFailure<T> {
  // `null` as a body makes the SDK itself stumble over the missing `error` key.
  if (error instanceof TypeError) return blankFailure("bad_reply");
  if (!(error instanceof Stripe.errors.StripeError)) throw error;
  const requestId = error.requestId ?? null;
  if (error instanceof Stripe.errors.StripeConnectionError) {
    // What the `fetch` given to the SDK threw, before it came to the network.
    const { detail } = error;
    if (detail instanceof UnsentCallError) {
      if (detail.why === "out_of_time") return blankFailure("not_sent");
      throw detail;
    }
    return blankFailure(isTimeout(error) ? "timeout" : "connection_lost", { requestId });
  }
  // Invalid JSON, the HTML page of a proxy for example: the SDK drops the status.
  if (error.statusCode === undefined) return blankFailure("bad_reply", { requestId });
  return blankFailure("refused", {
    httpStatus: error.statusCode,
    errorType: error.rawType ?? null,
    errorCode: error.code ?? null,
    rateLimitedReason: error.headers?.["stripe-rate-limited-reason"] ?? null,
    requestId,
    ownedByCheckout: /created by Checkout/i.test(error.message),
    object: error.payment_intent ? parse(error.payment_intent) : null,
  });
}

/**
 * The SDK's own limit is an error with the code ETIMEDOUT; an attempt that `AbortSignal.timeout` ended, a TimeoutError. One that
 * meets the body and not the headers comes as the `exception` of another error.
 */
function isTimeout({ detail }: InstanceType<typeof Stripe.errors.StripeConnectionError>): boolean {
  return [detail, fieldOf(detail, "exception")].some((error) =>
    fieldOf(error, "code") === "ETIMEDOUT" || fieldOf(error, "name") === "TimeoutError"
  );
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}
