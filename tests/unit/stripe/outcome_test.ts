import assert from "node:assert/strict";
import { type CallKind, type Outcome, outcomeOf } from "../../../functions/_shared/stripe/outcome.ts";
import { blankFailure, type CallFailure } from "../../../functions/_shared/stripe/reply.ts";
import type { StripeIntent } from "../../../functions/_shared/stripe/objects.ts";
import { intent } from "./builders.ts";

const refused = (httpStatus: number, known: Partial<CallFailure<StripeIntent>> = {}) =>
  blankFailure<StripeIntent>("refused", { httpStatus, errorType: "invalid_request_error", ...known });
const processing = intent({ status: "processing" });

type Row = [string, CallKind, CallFailure<StripeIntent>, Outcome<StripeIntent>];
const rows: Row[] = [
  // 1.2 and section 7: refusals of an end
  [
    "a refused cancel that carries the intent is judged by it",
    "end",
    refused(400, { errorCode: "payment_intent_unexpected_state", object: processing }),
    { kind: "object", object: processing, refused: true },
  ],
  [
    "a refused cancel without the intent is read again",
    "end",
    refused(400, { errorCode: "payment_intent_unexpected_state" }),
    { kind: "reread" },
  ],
  [
    "a code the SDK does not list is treated like any other",
    "end",
    refused(400, { errorCode: "payment_intent_invalid_cancellation_state" }),
    { kind: "reread" },
  ],
  ["a refusal without any code is read again", "end", refused(400), { kind: "reread" }],
  [
    "a refusal in Checkout's name leads to the session",
    "end",
    refused(400, { ownedByCheckout: true }),
    { kind: "owned_by_checkout" },
  ],
  [
    "a refusal in Checkout's name leads to the session even when it carries the intent",
    "end",
    refused(400, { ownedByCheckout: true, object: intent() }),
    { kind: "owned_by_checkout" },
  ],
  [
    "a wrong parameter is a fault of the program",
    "end",
    refused(400, { errorCode: "parameter_unknown" }),
    { kind: "quarantine", why: "refused_request" },
  ],
  ["a refused read is a fault of the program", "read", refused(400), { kind: "quarantine", why: "refused_request" }],
  [
    "an idempotency error is a fault of the program",
    "end",
    refused(400, { errorType: "idempotency_error" }),
    { kind: "quarantine", why: "idempotency_mismatch" },
  ],
  ["a 400 named rate_limit is a rate limit", "end", refused(400, { errorCode: "rate_limit" }), {
    kind: "throttled",
  }],
  ["401 stops the run", "read", refused(401), { kind: "stop", why: "key_rejected" }],
  ["402 is unknown", "end", refused(402, { errorType: "card_error" }), { kind: "unknown", why: "card_error" }],
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
  ["another 4xx is a fault of the program", "end", refused(405), { kind: "quarantine", why: "refused_request" }],
  [
    "409 on an idempotency key is unknown, although its type is idempotency_error",
    "end",
    refused(409, { errorType: "idempotency_error", errorCode: "idempotency_key_in_use" }),
    { kind: "unknown", why: "call_in_progress" },
  ],
  ["500 is unknown", "end", refused(500, { errorType: "api_error" }), { kind: "unknown", why: "server_error" }],
  ["503 is unknown", "read", refused(503), { kind: "unknown", why: "server_error" }],
  ["an odd status is no answer", "end", refused(302), { kind: "unknown", why: "bad_reply" }],
  ["bad JSON is unknown", "end", blankFailure("bad_reply"), { kind: "unknown", why: "bad_reply" }],
  ["a timeout is unknown", "end", blankFailure("timeout"), { kind: "unknown", why: "timeout" }],
  ["a reset or cut body is unknown", "end", blankFailure("connection_lost"), {
    kind: "unknown",
    why: "connection_lost",
  }],
  ["a call that was never sent is out of time", "end", blankFailure("not_sent"), { kind: "out_of_time" }],
  // 3.1: the two kinds of 429
  ["429 lock_timeout is about one object", "end", refused(429, { errorCode: "lock_timeout" }), { kind: "busy" }],
  [
    "429 resource-specific is about one object",
    "end",
    refused(429, { errorCode: "rate_limit", rateLimitedReason: "resource-specific" }),
    { kind: "busy" },
  ],
  [
    "429 of one intent's own limit is about one object",
    "end",
    refused(429, { errorCode: "payment_intent_rate_limit_exceeded" }),
    { kind: "busy" },
  ],
  ...["global-rate", "endpoint-rate", "global-concurrency", "endpoint-concurrency"].map((
    scope,
  ): Row => [
    `429 ${scope} slows everybody`,
    "end",
    refused(429, { errorCode: "rate_limit", rateLimitedReason: scope }),
    { kind: "throttled" },
  ]),
  ["429 without a reason slows everybody", "read", refused(429, { errorCode: "rate_limit" }), {
    kind: "throttled",
  }],
];

for (const [name, call, failure, expected] of rows) {
  Deno.test(`outcome of a ${call}: ${name}`, () => {
    assert.deepEqual(outcomeOf({ ok: false, failure }, call), expected);
  });
}

Deno.test("outcome of a success: the object, to be judged", () => {
  const object = intent();
  assert.deepEqual(outcomeOf({ ok: true, object, requestId: "req_1" }, "end"), {
    kind: "object",
    object,
    refused: false,
  });
});
