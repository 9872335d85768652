import assert from "node:assert/strict";
import { endpointOf } from "../../../functions/_shared/budget/endpoint.ts";

const named: [string, string, string][] = [
  ["GET", "/v1/payment_intents", "payment_intents.list"],
  ["GET", "/v1/payment_intents/pi_3Nabc", "payment_intents.retrieve"],
  ["POST", "/v1/payment_intents/pi_3Nabc/cancel", "payment_intents.cancel"],
  ["GET", "/v1/checkout/sessions", "checkout.sessions.list"],
  ["GET", "/v1/checkout/sessions/cs_test_a1", "checkout.sessions.retrieve"],
  ["POST", "/v1/checkout/sessions/cs_live_a1/expire", "checkout.sessions.expire"],
];

for (const [method, path, endpoint] of named) {
  Deno.test(`endpointOf() counts ${method} ${path} as ${endpoint}`, () => {
    assert.equal(endpointOf(method, path), endpoint);
  });
}

for (
  const [method, path] of [["POST", "/v1/refunds"], ["POST", "/v1/payment_intents/pi_1/capture"], [
    "DELETE",
    "/v1/customers/cus_1",
  ]]
) {
  Deno.test(`endpointOf() refuses ${method} ${path}, which no job may call`, () => {
    assert.throws(() => endpointOf(method!, path!), /Cannot call Stripe outside/);
  });
}
