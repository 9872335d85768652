import type { AssessContext, AssessedPayment, PaymentAssessment } from "../../../functions/_shared/rules/assessment.ts";
import type { ClaimedOrder, ClaimedPayment } from "../../../functions/_shared/rules/orders.ts";
import { DEFAULT_POLICY } from "../../../functions/_shared/rules/policy.ts";
import {
  intentSchema,
  sessionSchema,
  type StripeIntent,
  type StripeSession,
} from "../../../functions/_shared/stripe/objects.ts";

export const NOW = new Date("2026-11-22T12:00:00Z");
export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

export function at(offset: number): Date {
  return new Date(NOW.getTime() + offset);
}

export function seconds(moment: Date): number {
  return Math.floor(moment.getTime() / 1_000);
}

/** An unpaid intent of order `o1`, with the fields Stripe always sends and the rules read, through the real schema. */
export function intent(overrides: Record<string, unknown> = {}): StripeIntent {
  return intentSchema.parse({
    id: "pi_1",
    object: "payment_intent",
    status: "requires_payment_method",
    amount: 5000,
    amount_received: 0,
    currency: "eur",
    created: seconds(at(-HOUR)),
    livemode: false,
    metadata: { order_id: "o1" },
    cancellation_reason: null,
    next_action: null,
    client_secret: "pi_1_secret_x",
    ...overrides,
  });
}

/** A paid intent of 5000 whose charge is shown. */
export function chargedIntent(charge: { amount_refunded?: number; disputed?: boolean }, overrides = {}): StripeIntent {
  const latest_charge = { id: "ch_1", amount_refunded: 0, disputed: false, ...charge };
  return intent({ status: "succeeded", amount_received: 5000, latest_charge, ...overrides });
}

/** An intent that waits for the customer or the bank. */
export function actionIntent(type: string, details: Record<string, unknown> = {}, overrides = {}): StripeIntent {
  return intent({ status: "requires_action", next_action: { type, [type]: details }, ...overrides });
}

/** An open session of order `o1` whose customer has not confirmed yet. */
export function session(overrides: Record<string, unknown> = {}): StripeSession {
  return sessionSchema.parse({
    id: "cs_1",
    object: "checkout.session",
    mode: "payment",
    status: "open",
    payment_status: "unpaid",
    amount_total: 5000,
    currency: "eur",
    livemode: false,
    metadata: { order_id: "o1" },
    client_reference_id: null,
    payment_intent: null,
    client_secret: "cs_1_secret_x",
    ...overrides,
  });
}

export function payment(overrides: Partial<ClaimedPayment> = {}): ClaimedPayment {
  return {
    stripeId: "pi_1",
    kind: overrides.stripeId?.startsWith("cs_") ? "checkout_session" : "payment_intent",
    account: "",
    state: "open",
    source: "server",
    reason: null,
    receivedAmount: null,
    intent: null,
    attachedAt: at(-HOUR),
    ...overrides,
  };
}

export function order(overrides: Partial<ClaimedOrder> = {}): ClaimedOrder {
  return {
    ref: "o1",
    status: "open",
    attempt: 3,
    amount: 5000,
    currency: "eur",
    account: "",
    method: null,
    placedAt: at(-HOUR),
    deadline: at(-MINUTE),
    graceUntil: null,
    shopState: null,
    payments: [payment()],
    ...overrides,
  };
}

export function context(overrides: Partial<AssessContext> = {}): AssessContext {
  return {
    order: order(),
    payment: payment(),
    metadataKey: "order_id",
    livemode: false,
    policy: DEFAULT_POLICY,
    now: NOW,
    ...overrides,
  };
}

/** A payment of which this is known. */
export function assessed(
  assessment: PaymentAssessment,
  { ownIntent = null, ...overrides }: Partial<ClaimedPayment> & Partial<Pick<AssessedPayment, "ownIntent">> = {},
): AssessedPayment {
  return { payment: payment(overrides), assessment, canceled: null, evidence: {}, ownIntent };
}
