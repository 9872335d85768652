import assert from "node:assert/strict";
import type { StripeIntent } from "../../../functions/_shared/stripe/objects.ts";
import { type CallKind, outcomeOfRefusal, type Refusal } from "../../../functions/_shared/stripe/outcome.ts";
import { intent } from "../rules/builders.ts";

const refused = (httpStatus: number, known: Partial<Refusal<StripeIntent>> = {}): Refusal<StripeIntent> => (
  { httpStatus, errorType: "invalid_request_error", ...known }
);
const processing = intent({ status: "processing" });
const FROM_STATE = { kind: "refused", object: null, byCheckout: false };

type Row = [string, CallKind, Refusal<StripeIntent>, Record<string, unknown>];
const rows: Row[] = [
  // 1.2 and section 7: refusals of a write
  [
    "a refused cancel that carries the intent is judged by it",
    "write",
    refused(400, { errorCode: "payment_intent_unexpected_state", object: processing }),
    { ...FROM_STATE, object: processing },
  ],
  [
    "a refused cancel without the intent is read again",
    "write",
    refused(400, { errorCode: "payment_intent_unexpected_state" }),
    FROM_STATE,
  ],
  [
    "a code the SDK does not list is treated like any other",
    "write",
    refused(400, { errorCode: "payment_intent_invalid_cancellation_state" }),
    FROM_STATE,
  ],
  ["a refusal without any code is read again", "write", refused(400), FROM_STATE],
  [
    "a refusal in Checkout's name leads to the session",
    "write",
    refused(400, { byCheckout: true }),
    { ...FROM_STATE, byCheckout: true },
  ],
  [
    "a refusal in Checkout's name leads to the session even when it carries the intent",
    "write",
    refused(400, { byCheckout: true, object: intent() }),
    { ...FROM_STATE, object: intent(), byCheckout: true },
  ],
  [
    "a wrong parameter is a fault of the program",
    "write",
    refused(400, { errorCode: "parameter_unknown" }),
    { kind: "quarantine", why: "refused_request" },
  ],
  ["a refused read is a fault of the program", "read", refused(400), { kind: "quarantine", why: "refused_request" }],
  [
    "an idempotency error is a fault of the program",
    "write",
    refused(400, { errorType: "idempotency_error" }),
    { kind: "quarantine", why: "idempotency_mismatch" },
  ],
  ["a 400 named lock_timeout is a lock on one object", "write", refused(400, { errorCode: "lock_timeout" }), {
    kind: "busy",
  }],
  ["a 400 named rate_limit is a rate limit", "write", refused(400, { errorCode: "rate_limit" }), {
    kind: "throttled",
    limit: "rate",
  }],
  ["401 stops the run", "read", refused(401), { kind: "stop", why: "key_rejected" }],
  ["402 is unknown", "write", refused(402, { errorType: "card_error" }), { kind: "unknown", why: "card_error" }],
  ["403 stops the run", "read", refused(403), { kind: "stop", why: "permission_denied" }],
  [
    "403 for one connected account concerns its payment only",
    "read",
    refused(403, { errorCode: "account_invalid" }),
    { kind: "quarantine", why: "account_access_lost" },
  ],
  [
    "404 resource_missing never means unpaid",
    "read",
    refused(404, { errorCode: "resource_missing" }),
    { kind: "quarantine", why: "payment_not_found" },
  ],
  ["404 of the URL is a fault of the program", "read", refused(404), { kind: "quarantine", why: "refused_request" }],
  ["another 4xx is a fault of the program", "write", refused(405), { kind: "quarantine", why: "refused_request" }],
  [
    "409 on an idempotency key is unknown, although its type is idempotency_error",
    "write",
    refused(409, { errorType: "idempotency_error", errorCode: "idempotency_key_in_use" }),
    { kind: "unknown", why: "call_in_progress" },
  ],
  ["500 is unknown", "write", refused(500, { errorType: "api_error" }), { kind: "unknown", why: "server_error" }],
  ["503 is unknown", "read", refused(503), { kind: "unknown", why: "server_error" }],
  ["an odd status is no answer", "write", refused(302), { kind: "unknown", why: "bad_reply" }],
  // 3.1: the two kinds of 429
  ["429 lock_timeout is about one object", "write", refused(429, { errorCode: "lock_timeout" }), { kind: "busy" }],
  [
    "429 resource-specific is about one object",
    "write",
    refused(429, { errorCode: "rate_limit", rateLimitedReason: "resource-specific" }),
    { kind: "busy" },
  ],
  [
    "429 of one intent's own limit is about one object",
    "write",
    refused(429, { errorCode: "payment_intent_rate_limit_exceeded" }),
    { kind: "busy" },
  ],
  ...["global-rate", "endpoint-rate", "global-concurrency", "endpoint-concurrency"].map((
    scope,
  ): Row => [
    `429 ${scope} slows everybody down`,
    "write",
    refused(429, { errorCode: "rate_limit", rateLimitedReason: scope }),
    { kind: "throttled", limit: scope.endsWith("rate") ? "rate" : "concurrency" },
  ]),
  ["429 without a reason slows everybody down", "read", refused(429, { errorCode: "rate_limit" }), {
    kind: "throttled",
    limit: "rate",
  }],
];

for (const [name, call, refusal, expected] of rows) {
  Deno.test(`a refused ${call}: ${name}`, () => {
    const { trace, ...outcome } = outcomeOfRefusal({ ...refusal, requestId: "req_1" }, call);
    assert.deepEqual(outcome, expected);
    assert.deepEqual(trace, {
      requestId: "req_1",
      httpStatus: refusal.httpStatus,
      errorCode: refusal.errorCode ?? null,
    });
  });
}
