import assert from "node:assert/strict";
import { refusalOf } from "../../../functions/_shared/budget/refusal.ts";
import { outcomeOf } from "../../../functions/_shared/stripe/outcome.ts";
import { blankFailure } from "../../../functions/_shared/stripe/reply.ts";

const REASONS = [
  null,
  "endpoint-rate",
  "global-rate",
  "endpoint-concurrency",
  "global-concurrency",
  "resource-specific",
];
const CODES = [null, "rate_limit", "lock_timeout", "payment_intent_rate_limit_exceeded", "parameter_unknown"];

Deno.test("whatever the protocol calls throttled slows the budget down, and nothing else does", () => {
  for (const status of [400, 402, 409, 429, 500]) {
    for (const reason of status === 429 ? REASONS : [null]) {
      // With a header nobody reads the body for the code.
      for (const code of reason === null ? CODES : [null]) {
        const failure = blankFailure("refused", {
          httpStatus: status,
          rateLimitedReason: reason,
          errorCode: code,
        });
        const isThrottled = outcomeOf({ ok: false, failure }, "end").kind === "throttled";
        const slowsDown = refusalOf({ status, reason, code }) !== null;
        assert.equal(slowsDown, isThrottled, `${status} ${reason} ${code}`);
      }
    }
  }
});

Deno.test("the header names the limit and its scope; without it, it is the endpoint's rate", () => {
  const said = REASONS.map((reason) => refusalOf({ status: 429, reason, code: null }));
  assert.deepEqual(said.map((it) => it && `${it.scope} ${it.limit} ${it.reason}`), [
    "endpoint rate unnamed",
    "endpoint rate endpoint-rate",
    "account rate global-rate",
    "endpoint concurrency endpoint-concurrency",
    "account concurrency global-concurrency",
    null,
  ]);
});
