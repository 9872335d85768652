import type { IntentSpec, SessionSpec } from "../stripe-simulator/specs.ts";

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** One payment of a demo order, as it is created in the simulator. */
export type DemoPayment = { kind: "payment_intent"; spec: IntentSpec } | {
  kind: "checkout_session";
  spec: SessionSpec;
};

/** A kind of order: what its customer did, and the outcome that the demo expects. */
export type OrderKind = {
  name: string;
  orders: number;
  paymentMethod: string;
  /** The order's age in seconds. Its deadline has passed. */
  placedAgo: number;
  /** Whether an earlier run inspected its payment and granted the extra grace, which is over now. */
  graceUsed?: true;
  /** The payments at Stripe. `now` is in seconds since the epoch. */
  payments: (now: number) => DemoPayment[];
  becomes: "expired" | "paid" | "pending";
};

const intent = (spec: IntentSpec): DemoPayment => ({ kind: "payment_intent", spec });
const session = (spec: SessionSpec): DemoPayment => ({ kind: "checkout_session", spec });

/** A few hundred orders of every kind, all past their deadline. */
export const KINDS: OrderKind[] = [
  {
    name: "no payment at all",
    orders: 60,
    paymentMethod: "card",
    placedAgo: HOUR,
    payments: () => [],
    becomes: "expired",
  },
  {
    name: "never paid",
    orders: 60,
    paymentMethod: "card",
    placedAgo: HOUR,
    payments: () => [intent({ status: "requires_payment_method" })],
    becomes: "expired",
  },
  {
    name: "abandoned in 3-D Secure",
    orders: 15,
    paymentMethod: "card",
    placedAgo: 2 * HOUR,
    graceUsed: true,
    payments: () => [intent({ status: "requires_action", nextAction: "redirect_to_url" })],
    becomes: "expired",
  },
  {
    name: "in 3-D Secure right now",
    orders: 10,
    paymentMethod: "card",
    placedAgo: 35 * MINUTE,
    payments: () => [intent({ status: "requires_action", nextAction: "use_stripe_sdk" })],
    becomes: "pending",
  },
  {
    name: "Checkout Session still open",
    orders: 12,
    paymentMethod: "card",
    placedAgo: HOUR,
    payments: () => [session({ status: "open" })],
    becomes: "expired",
  },
  {
    name: "two intents, neither paid",
    orders: 10,
    paymentMethod: "card",
    placedAgo: HOUR,
    payments: () => [intent({ status: "requires_payment_method" }), intent({ status: "requires_confirmation" })],
    becomes: "expired",
  },
  {
    name: "two intents, one paid, webhook lost",
    orders: 8,
    paymentMethod: "card",
    placedAgo: HOUR,
    payments: () => [intent({ status: "requires_payment_method" }), intent({ status: "succeeded" })],
    becomes: "paid",
  },
  {
    name: "paid, webhook lost",
    orders: 20,
    paymentMethod: "card",
    placedAgo: HOUR,
    payments: () => [intent({ status: "succeeded" })],
    becomes: "paid",
  },
  {
    name: "SEPA debit processing",
    orders: 15,
    paymentMethod: "sepa_debit",
    placedAgo: HOUR,
    payments: () => [intent({ status: "processing" })],
    becomes: "pending",
  },
  {
    name: "card held, not captured",
    orders: 15,
    paymentMethod: "card",
    placedAgo: HOUR,
    payments: () => [intent({ status: "requires_capture", captureMethod: "manual" })],
    becomes: "pending",
  },
  {
    name: "voucher still valid",
    orders: 10,
    paymentMethod: "oxxo",
    placedAgo: 8 * DAY,
    payments: (now) => [intent({ status: "requires_action", nextAction: "oxxo", expiresAt: now + 2 * DAY })],
    becomes: "pending",
  },
  {
    name: "bank transfer under way",
    orders: 5,
    paymentMethod: "bank_transfer",
    // The order is older than the seven days of its policy, but the payment was started later.
    placedAgo: 8 * DAY,
    payments: (now) => [intent({ status: "requires_action", nextAction: "bank_transfer", created: now - 2 * DAY })],
    becomes: "pending",
  },
];
