import type { ClaimedOrder, ClaimedPayment } from "../../../functions/_shared/orders.ts";
import {
  intentSchema,
  sessionSchema,
  type StripeIntent,
  type StripeSession,
} from "../../../functions/_shared/stripe/objects.ts";
import { DEFAULT_POLICY } from "../../../functions/_shared/stripe/policy.ts";
import type { VerdictContext } from "../../../functions/_shared/stripe/verdict.ts";

export const NOW = new Date("2026-11-22T12:00:00Z");
export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

export function at(offset: number): Date {
  return new Date(NOW.getTime() + offset);
}

export function seconds(moment: Date): number {
  return Math.floor(moment.getTime() / 1000);
}

/** An unpaid intent of order `o1`, with the fields Stripe always sends and the jobs read, through the real schema. */
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
    capture_method: "automatic",
    next_action: null,
    client_secret: "pi_1_secret_x",
    ...overrides,
  });
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
    payment_intent: null,
    client_secret: "cs_1_secret_x",
    ...overrides,
  });
}

export function payment(overrides: Partial<ClaimedPayment> = {}): ClaimedPayment {
  return {
    id: `row-${overrides.stripeId ?? "pi_1"}`,
    kind: overrides.stripeId?.startsWith("cs_") ? "checkout_session" : "payment_intent",
    stripeId: "pi_1",
    stripeAccount: null,
    state: "open",
    graceUntil: null,
    createdAt: at(-HOUR),
    ...overrides,
  };
}

export function order(overrides: Partial<ClaimedOrder> = {}): ClaimedOrder {
  return {
    id: "o1",
    attempt: 3,
    amount: 5000,
    currency: "eur",
    payments: [payment()],
    ...overrides,
  };
}

export function context(overrides: Partial<VerdictContext> = {}): VerdictContext {
  return {
    order: order(),
    payment: payment(),
    now: NOW,
    policy: DEFAULT_POLICY,
    livemode: false,
    ...overrides,
  };
}
