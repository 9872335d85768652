import type { StalePayment } from "../../../functions/_shared/payments.ts";
import type { StaleFinding } from "../../../functions/_shared/stripe/decide-stale-payment.ts";
import type { Finding, Standing } from "../../../functions/_shared/stripe/finding.ts";

export const NOW = new Date("2026-11-22T03:00:00Z");

export type OrderWord = "pending" | "expiring" | "quarantined" | "paid" | "expired" | "absent";

/** A payment of 2000 cents the shop never recorded, of an order in this state. */
export function stalePayment(order: OrderWord, known: Partial<StalePayment> = {}): StalePayment {
  return {
    kind: "payment_intent",
    stripeId: "pi_1",
    stripeAccount: null,
    orderId: "00000000-0000-4000-8000-000000000001",
    order: order === "absent" ? null : { status: order, amount: 2000, currency: "eur" },
    recordedState: null,
    paidBy: [],
    openSession: false,
    listed: null,
    ...known,
  };
}

/** The payment with where it stands at Stripe. */
export function found(payment: StalePayment, standing: Standing, ended: Finding["ended"] = null): StaleFinding {
  const claimed = {
    id: payment.stripeId,
    kind: payment.kind,
    stripeId: payment.stripeId,
    stripeAccount: payment.stripeAccount,
    state: payment.recordedState ?? "open",
    graceUntil: null,
    createdAt: NOW,
  };
  const evidence = { status: "whatever" };
  return { payment, finding: { payment: claimed, standing, ended, evidence, ownIntent: null, capturesByHand: false } };
}
