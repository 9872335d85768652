import type { Endpoint } from "./endpoint.ts";
import * as intents from "./intent-endpoints.ts";
import * as other from "./other-endpoints.ts";
import { searchIntents } from "./search-endpoint.ts";
import { listDestinations, listWebhookEndpoints } from "./webhook-endpoints.ts";
import * as sessions from "./session-endpoints.ts";

const FIXED: Record<string, Endpoint> = {
  "POST /v1/payment_intents": { name: "payment_intents.create", prepare: intents.createIntent },
  "GET /v1/payment_intents": { name: "payment_intents.list", prepare: intents.listIntents },
  "GET /v1/payment_intents/search": { name: "payment_intents.search", prepare: searchIntents },
  "POST /v1/checkout/sessions": { name: "checkout.sessions.create", prepare: sessions.createSession },
  "GET /v1/checkout/sessions": { name: "checkout.sessions.list", prepare: sessions.listSessions },
  "POST /v1/refunds": { name: "refunds.create", prepare: other.createRefund },
  "GET /v1/refunds": { name: "refunds.list", prepare: other.listRefunds },
  "GET /v1/events": { name: "events.list", prepare: other.listEvents },
  "GET /v1/invoice_payments": { name: "invoice_payments.list", prepare: other.listInvoicePayments },
  "GET /v1/webhook_endpoints": { name: "webhook_endpoints.list", prepare: listWebhookEndpoints },
  "GET /v2/core/event_destinations": { name: "event_destinations.list", prepare: listDestinations },
};
const OF_INTENT: Record<string, Endpoint> = {
  "GET ": { name: "payment_intents.retrieve", prepare: intents.retrieveIntent },
  "POST ": { name: "payment_intents.update", prepare: intents.updateIntent },
  "POST /confirm": { name: "payment_intents.confirm", prepare: intents.confirmIntent },
  "POST /cancel": { name: "payment_intents.cancel", prepare: intents.cancelIntent },
  "POST /capture": { name: "payment_intents.capture", prepare: intents.captureIntent },
};
const OF_SESSION: Record<string, Endpoint> = {
  "GET ": { name: "checkout.sessions.retrieve", prepare: sessions.retrieveSession },
  "POST /expire": { name: "checkout.sessions.expire", prepare: sessions.expireSession },
};
/** Read-only objects, by their collection. */
const READ_ONLY: Record<string, Endpoint> = {
  refunds: { name: "refunds.retrieve", prepare: other.retrieveRefund },
  charges: { name: "charges.retrieve", prepare: other.retrieveCharge },
  disputes: { name: "disputes.retrieve", prepare: other.retrieveDispute },
};
const INTENT = /^\/v1\/payment_intents\/([^/]+)(\/[a-z]+)?$/;
const READABLE = /^\/v1\/(refunds|charges|disputes)\/([^/]+)$/;
const SESSION = /^\/v1\/checkout\/sessions\/([^/]+)(\/[a-z]+)?$/;

/** The endpoint of a request and the id in its path; null for every URL that is not simulated. */
export function route(method: string, path: string): { endpoint: Endpoint; id: string } | null {
  const fixed = FIXED[`${method} ${path}`];
  if (fixed) return { endpoint: fixed, id: "" };
  const readable = method === "GET" ? READABLE.exec(path) : null;
  if (readable) return { endpoint: READ_ONLY[readable[1]!]!, id: decodeURIComponent(readable[2]!) };
  const intent = INTENT.exec(path);
  const match = intent ?? SESSION.exec(path);
  if (match === null) return null;
  const endpoint = (intent ? OF_INTENT : OF_SESSION)[`${method} ${match[2] ?? ""}`];
  return endpoint ? { endpoint, id: decodeURIComponent(match[1]!) } : null;
}
