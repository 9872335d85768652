/** The `error` object of a refused call. `type` is one of the four that the API uses (openapi `api_errors`). */
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

/** A refusal. `saved: false`: Stripe keeps no idempotent reply of it (validation, 409, 429, 401). */
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

/** A refusal of a parameter. It happens before execution begins, so it is never saved under the idempotency key. */
export function invalidParameter(param: string, options: { code?: string; message: string }): StripeRefusal {
  const body = { type: "invalid_request_error" as const, message: options.message, code: options.code, param };
  return new StripeRefusal(400, body, { saved: false });
}

/** An unknown id: 404 if it is in the path, 400 if it is a parameter. */
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

/** The reasons of a 429 in the header `Stripe-Rate-Limited-Reason` (docs.stripe.com/rate-limits). */
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

/** A 429 because another request or the customer has locked the object. It is no rate limit and lacks its header. */
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

/** 401 and 403: the key is missing, wrong or expired, or lacks the permission. */
export function unauthorized(message: string, options: { code?: string; status?: 401 | 403 } = {}): StripeRefusal {
  const body = { type: "invalid_request_error" as const, message, code: options.code };
  return new StripeRefusal(options.status ?? 401, body, { saved: false });
}

/** A 5xx. `saved` tells whether it is replayed under the key: Stripe saves 500s once execution has begun. */
export function serverError(status: number, options: { saved: boolean; shouldRetry?: boolean }): StripeRefusal {
  const message = "An unknown error occurred while processing your request.";
  const headers: Record<string, string> = options.shouldRetry === undefined
    ? {}
    : { "Stripe-Should-Retry": String(options.shouldRetry) };
  return new StripeRefusal(status, { type: "api_error", message }, { saved: options.saved, headers });
}
