import type { FormValue } from "./form.ts";
import type { Store } from "./store.ts";

/** The names limits, faults and the log use. One name per operation: ids share its budget. */
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
] as const;

export type EndpointName = (typeof ENDPOINTS)[number];

/** What Stripe has not published or does in more than one way; a test chooses. */
export type Behaviour = {
  /** How a cancel of a `processing` intent ends; `by_payment_method` refuses crypto with the newer code, others with the older. */
  processingCancel: "by_payment_method" | "unexpected_state" | "invalid_cancellation_state" | "accept";
  /** Whether a refusal carries the whole intent in its body (documented, but not seen for every cancel). */
  refusalCarriesIntent: boolean;
  /** Whether an expiring session ends its intent with it. */
  expiringSessionCancelsIntent: "at_once" | "never";
  /** How long a write holds its object before it takes effect, and how long another write waits for it before a 429 lock_timeout. */
  lockHoldMs: number;
  lockWaitMs: number;
  /** How a refund that the API creates begins: most succeed at once, others wait for the bank. */
  refundStatus: "succeeded" | "pending";
  /** How far search lags behind. */
  searchLagMs: number;
  /** How far the `Date` of a reply is off the simulated clock. */
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

/** One admitted call as an endpoint sees it. `id` is the one in the path. */
export type Call = {
  store: Store;
  id: string;
  params: Record<string, FormValue>;
  behaviour: Behaviour;
  otherMode: Store;
};

/**
 * An endpoint in two steps: `prepare` only checks the parameters and throws for a wrong one; what it returns executes.
 * Between the two stand the idempotency key, the latency and the object's lock.
 */
export type Endpoint = { name: EndpointName; prepare: (call: Call) => () => object };
