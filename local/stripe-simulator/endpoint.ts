import type { FormValue } from "./form.ts";
import type { Store } from "./store.ts";
import type { WebhookEndpoint } from "./webhooks.ts";

/**
 * The endpoint names used by limits, faults and the log. There is one name per operation, so calls for different ids
 * share a limit.
 */
export const ENDPOINTS = [
  "payment_intents.create",
  "payment_intents.list",
  "payment_intents.search",
  "payment_intents.retrieve",
  "payment_intents.update",
  "payment_intents.confirm",
  "payment_intents.cancel",
  "payment_intents.capture",
  "checkout.sessions.create",
  "checkout.sessions.list",
  "checkout.sessions.retrieve",
  "checkout.sessions.expire",
  "refunds.create",
  "refunds.list",
  "refunds.retrieve",
  "charges.retrieve",
  "disputes.retrieve",
  "events.list",
  "invoice_payments.list",
  "webhook_endpoints.list",
  "event_destinations.list",
] as const;

export type EndpointName = (typeof ENDPOINTS)[number];

/** Behaviour that Stripe does not document, or that varies. A test chooses. */
export type Behaviour = {
  /**
   * The result of cancelling a `processing` intent. `by_payment_method` refuses crypto with the newer code and others
   * with the older one.
   */
  processingCancel: "by_payment_method" | "unexpected_state" | "invalid_cancellation_state" | "accept";
  /** Whether a refusal contains the whole intent (documented, but not seen for every cancel). */
  refusalCarriesIntent: boolean;
  /** Whether an expiring session cancels its intent at once. */
  expiringSessionCancelsIntent: "at_once" | "never";
  /**
   * How long a write holds its object before it takes effect, and how long another write waits before it gets a 429
   * lock_timeout.
   */
  lockHoldMs: number;
  lockWaitMs: number;
  /** The first status of a refund created by the API. Most succeed at once; others wait for the bank. */
  refundStatus: "succeeded" | "pending";
  /** How far search lags behind. */
  searchLagMs: number;
  /** The difference between the `Date` of a reply and the simulated clock. */
  dateOffsetMs: number;
};

export const DEFAULT_BEHAVIOUR: Behaviour = {
  processingCancel: "by_payment_method",
  refusalCarriesIntent: true,
  expiringSessionCancelsIntent: "at_once",
  lockHoldMs: 0,
  lockWaitMs: 0,
  refundStatus: "succeeded",
  searchLagMs: 0,
  dateOffsetMs: 0,
};

/** An admitted call, as an endpoint sees it. `id` is the one in the path. */
export type Call = {
  store: Store;
  id: string;
  params: Record<string, FormValue>;
  behaviour: Behaviour;
  otherMode: Store;
  /** Where the account has its events sent. */
  webhooks: WebhookEndpoint[];
};

/**
 * An endpoint in two steps. `prepare` only checks the parameters and throws for an invalid one; the function that it
 * returns executes. In between come the idempotency key, the latency and the object's lock.
 */
export type Endpoint = { name: EndpointName; prepare: (call: Call) => () => object };
