import type { Marked } from "./ownership.ts";

/** An event of Stripe. It only names a payment to read; nothing else in it is trusted. */
export type StripeEvent = {
  id: string;
  /** Without the `v1.` of a thin event. */
  type: string;
  livemode: boolean;
  /** The connected account it comes from; empty: the platform's own. */
  account: string;
  /** Null: the event is about something else. */
  payment: EventPayment | null;
};

/**
 * `id`: null if the event names only a charge, a refund or a dispute (`through`), which Stripe must be asked about. `marks`: the fields
 * that tell which order the payment belongs to; null if the event does not contain them.
 */
export type EventPayment = {
  id: string | null;
  through: string | null;
  createdAt: Date;
  marks: Marks | null;
};
export type Marks = Pick<Marked, "metadata" | "client_reference_id">;

/**
 * The events that lead to a read.
 *
 * A payment stays payable after a failed attempt (`payment_intent.payment_failed`), and `payment_intent.created` says nothing about it.
 */
const ACTED_ON = new Set([
  "payment_intent.succeeded",
  "payment_intent.processing",
  "payment_intent.amount_capturable_updated",
  "payment_intent.partially_funded",
  "payment_intent.requires_action",
  "payment_intent.canceled",
  "checkout.session.completed",
  "checkout.session.async_payment_succeeded",
  "checkout.session.async_payment_failed",
  "checkout.session.expired",
]);

/** Events about refunds and disputes. */
const ABOUT_RETURNS = /^(refund\.|charge\.refund|charge\.dispute\.)/;

/** The events that an endpoint at Stripe must subscribe to, as the dashboard names them. */
export const EVENTS = [
  ...ACTED_ON,
  "charge.refunded",
  "refund.updated",
  "refund.failed",
  "charge.dispute.created",
  "charge.dispute.closed",
];

/** The payment to read because of this event, or null. */
export function paymentToRead({ type, payment }: StripeEvent): EventPayment | null {
  return ACTED_ON.has(type) || ABOUT_RETURNS.test(type) ? payment : null;
}
