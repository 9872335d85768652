import {
  type AssessedPayment,
  dedupeSessionIntents,
  identityOf,
  isAssessedAs,
  isSamePayment,
  type PaymentIdentity,
} from "./assessment.ts";
import type { ClaimedOrder } from "./orders.ts";
import { nextCheck, type Policy } from "./policy.ts";
import type { Reason } from "./reasons.ts";
import { earliestOf, firstReason, type OrderStep, reasonIfCovered, stepIfUndecided } from "./resolve-order.ts";

export type ClosedContext = {
  now: Date;
  policy: Policy;
  /** Whether some payment has shown that the Stripe key belongs to this shop. */
  keyProven: boolean;
};

/**
 * Why the cancelable payments of an order that is not open are left alone; null if they are cancelled.
 *
 * | order | its cancelable payments |
 * | --- | --- |
 * | paid, expired | cancelled: they are not needed and can only do harm |
 * | quarantined | left to the operator |
 * | unknown, paid or closed in the shop | cancelled |
 * | unknown, and the shop does not have it either | cancelled if the clean-up's scope allows it and the key is proven to be the shop's |
 * | unknown, and the shop's answer is missing | left alone |
 */
export function whyLeftAlone(
  { status, shopState }: Pick<ClaimedOrder, "status" | "shopState">,
  { policy, keyProven }: Pick<ClosedContext, "policy" | "keyProven">,
): Reason | null {
  if (status === "quarantined") return "order_quarantined";
  if (status !== "unknown") return null;
  if (shopState === null) return "order_locked";
  if (shopState !== "gone") return null;
  if (policy.cleanupScope === "known") return "outside_scope";
  return keyProven ? null : "account_unproven";
}

/**
 * Whether the payments of an unknown order may belong to another shop, because nothing has proven that the key is this shop's. Money
 * that they received is then no late payment.
 */
export function isUnproven(
  { status, shopState }: Pick<ClaimedOrder, "status" | "shopState">,
  { keyProven }: Pick<ClosedContext, "keyProven">,
): boolean {
  return status === "unknown" && shopState === "gone" && !keyProven;
}

/**
 * Resolves the next step of an order that is not open. Every cancelable payment is cancelled, whatever the others do, and the order is
 * checked again as long as a payment of it is open. The first row that fits counts:
 *
 * | order and payments | outcome |
 * | --- | --- |
 * | unknown, and the shop's answer is missing | handed back: it may be open, so Stripe is not asked |
 * | quarantined, and paid ones cover it | paid; the next check cancels the rest |
 * | one unclear | retry |
 * | one postponed | handed back |
 * | any other | checked, with the time of the next check if a payment is still open |
 */
export function resolveClosedOrder(
  order: ClaimedOrder,
  payments: readonly AssessedPayment[],
  context: ClosedContext,
): OrderStep {
  const leftAlone = whyLeftAlone(order, context);
  if (leftAlone === "order_locked") return { outcome: "handed_back", reason: leftAlone, nextCheckAt: null, cancel: [] };
  const covered = order.status === "quarantined" &&
    reasonIfCovered(order, dedupeSessionIntents(payments.filter(isAssessedAs("paid"))));
  if (covered) return { outcome: "paid", reason: covered, nextCheckAt: null, cancel: [] };

  const cancelable = payments.filter(isAssessedAs("cancelable"));
  return {
    ...(stepIfUndecided(payments) ?? {
      outcome: "checked",
      reason: mostUrgentReason(payments, cancelable.length > 0 ? leftAlone : null),
      nextCheckAt: earliest(payments.flatMap((it) => nextCheckOf(it, order, context) ?? [])),
    }),
    cancel: leftAlone === null ? cancelable : [],
  };
}

/** The most urgent reason among the inspected payments. */
function mostUrgentReason(payments: readonly AssessedPayment[], leftAlone: Reason | null): Reason {
  const quarantined = payments.filter(isAssessedAs("quarantine"));
  if (quarantined.length > 0) return firstReason(quarantined);
  return leftAlone ?? earliestOf(payments.filter(isAssessedAs("wait")))?.why ?? "payments_checked";
}

/** When to check one payment again; null if it is paid or dead. */
function nextCheckOf(
  { payment, assessment }: AssessedPayment,
  order: ClaimedOrder,
  context: ClosedContext,
): Date | null {
  const known = { now: context.now, knownSince: payment.attachedAt };
  switch (assessment.kind) {
    case "wait": {
      const check = nextCheck("protected", known);
      return check > assessment.until ? check : assessment.until;
    }
    case "quarantine":
      return nextCheck("quarantined", known);
    case "cancelable":
      return nextCheck("left_alone", known);
    case "paid":
      return isUnproven(order, context) ? nextCheck("left_alone", known) : null;
    default:
      return null;
  }
}

function earliest(moments: readonly Date[]): Date | null {
  return moments.length > 0 ? new Date(Math.min(...moments.map(Number))) : null;
}

/**
 * The reason of a paid payment. `others` are the order's other paid payments. The second payment of a paid order is surplus; a payment of
 * any other closed order is late.
 */
export function reasonOfPaid(
  order: Pick<ClaimedOrder, "status" | "shopState" | "amount">,
  { paid, others }: { paid: PaymentIdentity; others: readonly PaymentIdentity[] },
): Extract<Reason, "paid" | "paid_twice" | "maybe_paid_twice" | "order_expired" | "order_absent"> {
  if (order.status === "expired") return "order_expired";
  if (order.status === "unknown" && order.shopState !== "paid") {
    return order.shopState === "closed" ? "order_expired" : "order_absent";
  }
  if (order.status === "quarantined" || order.status === "open") return "paid";
  const isSecond = others.length > 0 && others.every((other) => isSamePayment(paid, other) === false);
  if (!isSecond) return "paid";
  return order.amount === null ? "maybe_paid_twice" : "paid_twice";
}

/**
 * Recorded sessions to inspect before a paid intent can be called a second payment: it may be the session's own intent, which was not
 * recorded.
 */
export function sessionsInDoubt(order: ClaimedOrder, payments: readonly AssessedPayment[]): ClaimedOrder["payments"] {
  const isPaid = order.status === "paid" || (order.status === "unknown" && order.shopState === "paid");
  const intents = payments.filter(isAssessedAs("paid")).filter(({ payment }) => payment.kind === "payment_intent");
  if (!isPaid || intents.length === 0) return [];
  return order.payments.filter((payment) =>
    payment.kind === "checkout_session" && payment.state === "paid" && payment.intent === null
  );
}

/**
 * The paid intents that stay in doubt because such a session could not be read. They take over its assessment, so that they are inspected
 * again.
 */
export function intentsInDoubt(session: AssessedPayment, payments: readonly AssessedPayment[]): AssessedPayment[] {
  const { assessment } = session;
  if (assessment.kind !== "unclear" && assessment.kind !== "postponed") return [];
  return payments.filter(isAssessedAs("paid"))
    .filter(({ payment }) => payment.kind === "payment_intent")
    .map((intent) => ({ ...intent, assessment }));
}

/** The payments that are recorded as paid. */
export function recordedAsPaid({ payments }: Pick<ClaimedOrder, "payments">): PaymentIdentity[] {
  return payments.filter(({ state }) => state === "paid").map((payment) => identityOf({ payment, ownIntent: null }));
}
