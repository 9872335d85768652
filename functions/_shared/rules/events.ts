import type { Marked } from "./ownership.ts";

/** What an event is good for: it names a payment that should be read. Nothing else in it is believed. */
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

/** `marks`: what of the payment says whose it is; null: the event is thin and does not show it. */
export type EventPayment = { id: string; createdAt: Date; marks: Marks | null };
export type Marks = Pick<Marked, "metadata" | "client_reference_id">;

/**
 * The events that lead to a read.
 *
 * A failed attempt (`payment_intent.payment_failed`) leaves a payment as payable as it was. Nothing is known of a payment that was only
 * created (`payment_intent.created`).
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

/** The payment that has to be read because of this event; null: none. */
export function paymentToRead({ type, payment }: StripeEvent): EventPayment | null {
  return ACTED_ON.has(type) ? payment : null;
}
