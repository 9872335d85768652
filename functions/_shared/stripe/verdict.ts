import type { ClaimedOrder, ClaimedPayment } from "../orders.ts";
import { readNextAction } from "./next-actions.ts";
import type { StripeIntent } from "./objects.ts";
import { later, type VerdictPolicy } from "./policy.ts";
import type { Reason } from "./reasons.ts";

/**
 * What Stripe's answer means for one payment.
 *
 * - `paid`: the money is the shop's. Amount in minor units.
 * - `dead`: no charge can ever come of it.
 * - `cancelable`: unpaid, and nobody loses anything when it is ended now by `end`.
 * - `wait`: must not be ended before `until`; `graceUntil` is set only when the one extra grace is granted by this verdict.
 * - `quarantine`: must not be touched, and a person has to look.
 */
export type Verdict =
  | { kind: "paid"; amountReceived: number; currency: string }
  | { kind: "dead" }
  | { kind: "cancelable"; end: "cancel_intent" | "expire_session"; id: string }
  | { kind: "wait"; until: Date; why: Reason; graceUntil?: Date }
  | { kind: "quarantine"; why: Reason };

/** `livemode`: the mode of the key the object was read with. */
export type VerdictContext = {
  order: Pick<ClaimedOrder, "id" | "amount" | "currency">;
  payment: Pick<ClaimedPayment, "graceUntil">;
  now: Date;
  policy: VerdictPolicy;
  livemode: boolean;
};

/**
 * Judges a PaymentIntent by its own fields, never by an error code.
 *
 * | status | verdict |
 * | --- | --- |
 * | any, of another mode or without this order's metadata.order_id | quarantine |
 * | succeeded | paid |
 * | any other, amount_received covers the order | paid (partly captured still means that the money is there) |
 * | any other, amount_received > 0 | quarantine: what a cancel does to the rest is documented nowhere |
 * | canceled | dead |
 * | processing, requires_capture | wait: paid from the customer's view |
 * | requires_payment_method, requires_confirmation | cancelable |
 * | requires_action | by its next_action, see below |
 * | anything else | quarantine: Stripe's enums are open |
 */
export function judgeIntent(intent: StripeIntent, context: VerdictContext): Verdict {
  return quarantineOfStranger(intent, context) ?? judgeOwnIntent(intent, context);
}

/** The rule of ownership, for intents and sessions: same mode as the key, and our own mark. Null when it is ours. */
export function quarantineOfStranger(
  object: { livemode: boolean; metadata: Record<string, string> },
  { order, livemode }: Pick<VerdictContext, "order" | "livemode">,
): Verdict | null {
  if (object.livemode !== livemode) return { kind: "quarantine", why: "wrong_mode" };
  if (object.metadata.order_id !== order.id) return { kind: "quarantine", why: "foreign_payment" };
  return null;
}

/** As {@linkcode judgeIntent}, for an intent whose ownership is proven already (by the session that made it). */
export function judgeOwnIntent(intent: StripeIntent, context: VerdictContext): Verdict {
  const { order, now, policy } = context;
  const received = intent.amount_received;
  if (intent.status === "succeeded") return { kind: "paid", amountReceived: received, currency: intent.currency };
  if (received > 0) {
    const covers = received >= order.amount && intent.currency === order.currency;
    return covers
      ? { kind: "paid", amountReceived: received, currency: intent.currency }
      : { kind: "quarantine", why: "partly_received" };
  }
  switch (intent.status) {
    case "canceled":
      return { kind: "dead" };
    case "processing":
      return { kind: "wait", until: later(now, policy.processingRecheck), why: "processing" };
    case "requires_capture":
      return { kind: "wait", until: later(now, policy.captureRecheck), why: "requires_capture" };
    case "requires_payment_method":
    case "requires_confirmation":
      return { kind: "cancelable", end: "cancel_intent", id: intent.id };
    case "requires_action":
      return judgeAction(intent, context);
    default:
      return { kind: "quarantine", why: "unknown_status" };
  }
}

function judgeAction(intent: StripeIntent, context: VerdictContext): Verdict {
  const { now, policy } = context;
  const cancelable: Verdict = { kind: "cancelable", end: "cancel_intent", id: intent.id };
  const action = readNextAction(intent.next_action);
  const windowEnd = later(new Date(intent.created * 1000), policy.slowMethodWindow);
  switch (action.class) {
    case "customer":
      return graceForCustomer(context) ?? cancelable;
    case "voucher":
      if (action.expiresAt) return waitForVoucher(action.expiresAt, context) ?? cancelable;
      if (now < windowEnd) return { kind: "wait", until: windowEnd, why: "voucher_open" };
      // Konbini codes live up to 60 days: without an expiry, age alone proves nothing.
      return { kind: "quarantine", why: "voucher_expiry_unknown" };
    case "slow":
      return now < windowEnd ? { kind: "wait", until: windowEnd, why: "slow_method" } : cancelable;
    case "bank_transfer":
      if (now < windowEnd) return { kind: "wait", until: windowEnd, why: "slow_method" };
      // Cancelling does not stop a wire, and part of the money is on the customer's balance already.
      if (action.amountRemaining === null) return { kind: "quarantine", why: "funding_unknown" };
      return action.amountRemaining < intent.amount ? { kind: "quarantine", why: "partly_received" } : cancelable;
    case "unknown":
      return { kind: "quarantine", why: "unknown_next_action" };
  }
}

/** The extra grace, once per payment: null when it is used up. */
export function graceForCustomer({ payment, now, policy }: VerdictContext): Verdict | null {
  if (payment.graceUntil === null) {
    const graceUntil = later(now, policy.customerActionGrace);
    return { kind: "wait", until: graceUntil, why: "customer_action", graceUntil };
  }
  return now < payment.graceUntil ? { kind: "wait", until: payment.graceUntil, why: "customer_action" } : null;
}

/** Until it expires, look again at that moment; after that now and then, until the settle grace is over. */
function waitForVoucher(expiresAt: Date, { now, policy }: VerdictContext): Verdict | null {
  const graceEnd = later(expiresAt, policy.voucherSettleGrace);
  if (now >= graceEnd) return null;
  const recheck = now < expiresAt ? expiresAt : later(now, policy.voucherRecheck);
  return { kind: "wait", until: recheck < graceEnd ? recheck : graceEnd, why: "voucher_open" };
}
