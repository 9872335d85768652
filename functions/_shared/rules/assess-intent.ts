import type { StripeIntent } from "../stripe/objects.ts";
import type { AssessContext, PaymentAssessment } from "./assessment.ts";
import { readNextAction } from "./next-actions.ts";
import { checkOwnership } from "./ownership.ts";
import { later } from "./policy.ts";

/**
 * Assesses a PaymentIntent by its own fields, never by an error code. The first row that fits counts:
 *
 * | status | assessment |
 * | --- | --- |
 * | any, of another mode or another order | quarantine |
 * | any with money, and the charge is only an id | unclear: the money may have been refunded |
 * | any with money, disputed | quarantine, unless the settings count it as paid |
 * | any with money, part of it refunded | quarantine |
 * | succeeded or canceled, and all of it refunded | dead |
 * | succeeded | paid |
 * | any other, what was received and kept covers the order | paid, even if the intent was only partly captured |
 * | any other, something was received and kept | quarantine: Stripe does not document what a cancel does to the rest |
 * | canceled | dead |
 * | processing, requires_capture | wait: for the customer it is paid |
 * | requires_payment_method, requires_confirmation | cancelable |
 * | requires_action | by its next_action, see `assessAction` |
 * | anything else | quarantine: Stripe's enums are open |
 */
export function assessIntent(intent: StripeIntent, context: AssessContext): PaymentAssessment {
  const { order, now, policy } = context;
  const foreign = checkOwnership(intent, context);
  if (foreign) return { kind: "quarantine", why: foreign };
  const { amount_received: received, currency } = intent;
  const returned = received > 0 ? assessReturned(intent, policy) : null;
  if (returned) return returned;
  if (intent.status === "succeeded") return { kind: "paid", amountReceived: received, currency };
  if (received > refundedOf(intent)) {
    const isOwnCurrency = order.currency === null || currency === order.currency;
    return isOwnCurrency && received >= (order.amount ?? intent.amount)
      ? { kind: "paid", amountReceived: received, currency }
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
      return { kind: "cancelable", call: "cancel_intent", id: intent.id };
    case "requires_action":
      return assessAction(intent, context);
    default:
      return { kind: "quarantine", why: "unknown_status" };
  }
}

/** Assesses money that was refunded or is disputed; null if the shop still has all of it, or if the intent can be paid again. */
function assessReturned(intent: StripeIntent, policy: AssessContext["policy"]): PaymentAssessment | null {
  const { amount_received: received, latest_charge: charge, status } = intent;
  if (typeof charge === "string") return { kind: "unclear", why: "bad_reply" };
  const refunded = refundedOf(intent);
  if (refunded >= received) {
    return status === "succeeded" || status === "canceled" ? { kind: "dead", why: "refunded" } : null;
  }
  if (charge?.disputed && policy.disputedPayments === "quarantine") return { kind: "quarantine", why: "disputed" };
  return refunded > 0 ? { kind: "quarantine", why: "partly_refunded" } : null;
}

/** The refunded amount, in minor units; pending refunds count. */
function refundedOf({ latest_charge: charge }: StripeIntent): number {
  return typeof charge === "object" ? charge?.amount_refunded ?? 0 : 0;
}

function assessAction(intent: StripeIntent, context: AssessContext): PaymentAssessment {
  const { now, policy } = context;
  const cancelable: PaymentAssessment = { kind: "cancelable", call: "cancel_intent", id: intent.id };
  const action = readNextAction(intent.next_action);
  const windowEnd = later(new Date(intent.created * 1_000), policy.slowMethodWindow);
  switch (action.class) {
    case "customer":
      return graceForCustomer(context) ?? cancelable;
    case "voucher":
      if (action.expiresAt) return waitForVoucher(action.expiresAt, context) ?? cancelable;
      if (now < windowEnd) return { kind: "wait", until: windowEnd, why: "voucher_open" };
      // Konbini codes are valid for up to 60 days, so without an expiry age proves nothing.
      return { kind: "quarantine", why: "voucher_expiry_unknown" };
    case "slow":
      return now < windowEnd ? { kind: "wait", until: windowEnd, why: "slow_method" } : cancelable;
    case "bank_transfer":
      if (now < windowEnd) return { kind: "wait", until: windowEnd, why: "slow_method" };
      // A cancel does not stop a wire, and part of the money may already be on the customer's balance.
      if (action.amountRemaining === null) return { kind: "quarantine", why: "funding_unknown" };
      return action.amountRemaining < intent.amount ? { kind: "quarantine", why: "partly_received" } : cancelable;
    case "unknown":
      return { kind: "quarantine", why: "unknown_next_action" };
  }
}

/** The extra grace, granted once per order. Null when it is used up, or when the order is not open. */
export function graceForCustomer(
  { order: { status, graceUntil }, now, policy }: AssessContext,
): PaymentAssessment | null {
  if (status !== "open") return null;
  if (graceUntil === null) {
    const grants = later(now, policy.customerActionGrace);
    return { kind: "wait", until: grants, why: "customer_action", grants };
  }
  return now < graceUntil ? { kind: "wait", until: graceUntil, why: "customer_action" } : null;
}

/** The next check of a voucher: when it expires, then at intervals until its settle grace is over. Null after that. */
function waitForVoucher(expiresAt: Date, { now, policy }: AssessContext): PaymentAssessment | null {
  const graceEnd = later(expiresAt, policy.voucherSettleGrace);
  if (now >= graceEnd) return null;
  const recheck = now < expiresAt ? expiresAt : later(now, policy.voucherRecheck);
  return { kind: "wait", until: recheck < graceEnd ? recheck : graceEnd, why: "voucher_open" };
}
