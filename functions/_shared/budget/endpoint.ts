import { UnsentCallError } from "../errors.ts";

/**
 * Names the Stripe endpoint a request goes to, as the call budget counts it. Stripe limits each named operation by itself and
 * all ids of it together (docs.stripe.com/rate-limits).
 *
 * @throws UnsentCallError for a request the jobs have no business making.
 */
export function endpointOf(method: string, path: string): string {
  const route = `${method.toUpperCase()} ${path.replace(/\/(pi|cs)_[A-Za-z0-9_]+/, "/{id}")}`;
  const endpoint = ENDPOINTS[route];
  if (endpoint === undefined) {
    throw new UnsentCallError("request", `Cannot call Stripe outside the jobs' endpoints: current value is ${route}`);
  }
  return endpoint;
}

const ENDPOINTS: Record<string, string> = {
  "GET /v1/payment_intents": "payment_intents.list",
  "GET /v1/payment_intents/{id}": "payment_intents.retrieve",
  "POST /v1/payment_intents/{id}/cancel": "payment_intents.cancel",
  "GET /v1/checkout/sessions": "checkout.sessions.list",
  "GET /v1/checkout/sessions/{id}": "checkout.sessions.retrieve",
  "POST /v1/checkout/sessions/{id}/expire": "checkout.sessions.expire",
};
