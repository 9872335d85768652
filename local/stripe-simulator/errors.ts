/** What Stripe puts under `error` in a refused call. `type` is one of the four on the wire (openapi `api_errors`). */
export type ErrorBody = {
  type: "api_error" | "card_error" | "idempotency_error" | "invalid_request_error";
  message?: string;
  code?: string;
  param?: string;
  doc_url?: string;
  request_log_url?: string;
  decline_code?: string;
  charge?: string;
  payment_intent?: unknown;
};

/** A refusal on its way to the client. `saved: false` means Stripe keeps no idempotent reply of it (validation, 409, 429, 401). */
export class StripeRefusal extends Error {
  readonly headers: Record<string, string>;
  readonly saved: boolean;
  constructor(
    readonly status: number,
    readonly body: ErrorBody,
    options: { headers?: Record<string, string>; saved?: boolean } = {},
  ) {
    super(body.message ?? body.code ?? body.type);
    this.headers = options.headers ?? {};
    this.saved = options.saved ?? true;
  }
}

/** A refusal because of a parameter: rejected before execution begins, so never saved under the idempotency key. */
export function invalidParameter(param: string, options: { code?: string; message: string }): StripeRefusal {
  const body = { type: "invalid_request_error" as const, message: options.message, code: options.code, param };
  return new StripeRefusal(400, body, { saved: false });
}

/** An id nobody has here. 404 when the id stands in the path, 400 when it is a parameter. */
export function resourceMissing(kind: string, options: { id: string; param: string; otherMode?: "live" | "test" }) {
  const inPath = options.param === "intent" || options.param === "session" || options.param === "id";
  const elsewhere = options.otherMode === undefined
    ? ""
    : `; a similar object exists in ${options.otherMode} mode, but a ${
      options.otherMode === "live" ? "test" : "live"
    } mode key was used to make this request.`;
  return new StripeRefusal(inPath ? 404 : 400, {
    type: "invalid_request_error",
    code: "resource_missing",
    doc_url: "https://stripe.com/docs/error-codes/resource-missing",
    message: `No such ${kind}: '${options.id}'${elsewhere}`,
    param: options.param,
  });
}

/** The reasons a 429 of the rate limiter names in `Stripe-Rate-Limited-Reason` (docs.stripe.com/rate-limits). */
export type RateLimitReason =
  | "global-rate"
  | "endpoint-rate"
  | "global-concurrency"
  | "endpoint-concurrency"
  | "resource-specific";

/** A 429 of the limiter. There is no Retry-After and no Stripe-Should-Retry: the SDK does not retry it. */
export function rateLimited(reason: RateLimitReason): StripeRefusal {
  const message = reason === "resource-specific"
    ? "This object has been updated too many times recently. Try again later."
    : "Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits.";
  return new StripeRefusal(429, { type: "invalid_request_error", code: "rate_limit", message }, {
    headers: { "Stripe-Rate-Limited-Reason": reason },
    saved: false,
  });
}

/** A 429 because another request or the customer holds the object. Not a rate limit, and without its header. */
export function lockTimeout(options: { shouldRetry?: boolean } = {}): StripeRefusal {
  return new StripeRefusal(429, {
    type: "invalid_request_error",
    code: "lock_timeout",
    doc_url: "https://stripe.com/docs/error-codes/lock-timeout",
    message:
      "This object cannot be accessed right now because another API request or Stripe process is currently accessing it. " +
      "If you see this error intermittently, retry the request. If you see this error frequently and are making multiple " +
      "concurrent requests to a single object, make your requests serially or at a lower rate.",
  }, { headers: { "Stripe-Should-Retry": String(options.shouldRetry ?? true) }, saved: false });
}

/** 401 and 403: the key is missing, wrong, expired, or may not do this. */
export function unauthorized(message: string, options: { code?: string; status?: 401 | 403 } = {}): StripeRefusal {
  const body = { type: "invalid_request_error" as const, message, code: options.code };
  return new StripeRefusal(options.status ?? 401, body, { saved: false });
}

/** 5xx. Whether it is replayed under the key decides `saved`: Stripe saves 500s once execution began. */
export function serverError(status: number, options: { saved: boolean; shouldRetry?: boolean }): StripeRefusal {
  const message = "An unknown error occurred while processing your request.";
  const headers: Record<string, string> = options.shouldRetry === undefined
    ? {}
    : { "Stripe-Should-Retry": String(options.shouldRetry) };
  return new StripeRefusal(status, { type: "api_error", message }, { saved: options.saved, headers });
}
