import type Stripe from "stripe";
import { renderIntent } from "./render.ts";
import { renderCharge, renderDispute, renderRefund } from "./render-charge.ts";
import type { Store } from "./store.ts";
import type { StoredIntent, StoredRefund } from "./stored.ts";

type NewRefund = Pick<StoredRefund, "amount" | "status"> & Partial<Pick<StoredRefund, "metadata" | "reason">>;

/** Refunds money. A pending refund counts as refunded until it fails, as in Stripe's charge. */
export function refund(store: Store, intent: StoredIntent, wanted: NewRefund): StoredRefund {
  const { newId, clock } = store.around;
  const made: StoredRefund = {
    id: newId("re_"),
    created: clock.nowSeconds(),
    seq: store.nextSeq(),
    currency: intent.currency,
    charge: intent.latestCharge,
    intent: intent.id,
    metadata: {},
    reason: null,
    ...wanted,
  };
  store.refunds.push(made);
  store.money("refunded", intent, made.amount);
  store.emitObject("refund.created", renderRefund(made));
  store.emitObject("charge.refunded", chargeOf(store, intent)!);
  return made;
}

/** The bank decides about the intent's pending refund. Returns false if there is none. */
export function endRefund(store: Store, intent: StoredIntent, status: "succeeded" | "failed"): boolean {
  const pending = store.refunds.find((refund) => refund.intent === intent.id && refund.status === "pending");
  if (pending === undefined) return false;
  pending.status = status;
  if (status === "failed") store.money("refund_failed", intent, pending.amount);
  store.emitObject(status === "failed" ? "refund.failed" : "refund.updated", renderRefund(pending));
  return true;
}

/** What can still be refunded of an intent. */
export function refundable(store: Store, intent: StoredIntent): number {
  return intent.amountReceived - refundedOf(store, intent);
}

export function isDisputable(store: Store, intent: StoredIntent): boolean {
  return intent.amountReceived > 0 && intent.latestCharge !== null &&
    !store.disputes.some((it) => it.intent === intent.id);
}

/** The customer's bank takes the money until the dispute is decided. */
export function dispute(store: Store, intent: StoredIntent): void {
  const made = {
    id: store.around.newId("du_"),
    created: store.around.clock.nowSeconds(),
    amount: intent.amountReceived,
    currency: intent.currency,
    intent: intent.id,
    charge: intent.latestCharge!,
    status: "needs_response" as const,
  };
  store.disputes.push(made);
  store.emitObject("charge.dispute.created", renderDispute(made, store.livemode));
}

/** The bank decides about the intent's dispute. Returns false if none is open. */
export function closeDispute(store: Store, intent: StoredIntent, status: "won" | "lost"): boolean {
  const open = store.disputes.find((it) => it.intent === intent.id && it.status === "needs_response");
  if (open === undefined) return false;
  open.status = status;
  store.emitObject("charge.dispute.closed", renderDispute(open, store.livemode));
  return true;
}

/** The charge of an intent; null if no money was received or held. */
export function chargeOf(store: Store, intent: StoredIntent): Stripe.Charge | null {
  const { latestCharge } = intent;
  if (latestCharge === null) return null;
  return renderCharge({ ...intent, latestCharge }, {
    livemode: store.livemode,
    refunded: refundedOf(store, intent),
    disputed: store.disputes.some((it) => it.intent === intent.id),
  });
}

export function shownIntent(store: Store, intent: StoredIntent, withCharge: boolean): Stripe.PaymentIntent {
  return renderIntent(intent, store.livemode, withCharge ? chargeOf(store, intent) : null);
}

function refundedOf(store: Store, intent: StoredIntent): number {
  return store.refunds.filter((refund) => refund.intent === intent.id && refund.status !== "failed")
    .reduce((sum, { amount }) => sum + amount, 0);
}
