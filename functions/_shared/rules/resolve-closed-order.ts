import { type AssessedPayment, isAssessedAs } from "./assessment.ts";
import type { ClaimedOrder } from "./orders.ts";
import { later, nextLook, type Policy } from "./policy.ts";
import type { Reason } from "./reasons.ts";
import { coverage, earliestOf, firstOf, type OrderStep } from "./resolve-order.ts";
import { eachMoneyOnce, isSameMoney, type Money, moneyOf } from "./same-money.ts";

/** How long an order that somebody else holds is left alone. */
const LOCKED_PAUSE = 60_000;

export type ClosedContext = {
  now: Date;
  policy: Policy;
  /** Whether some payment has shown that the Stripe key belongs to this shop. */
  keyProven: boolean;
};

/**
 * Why the cancelable payments of an order that is not open are left alone; null: they are cancelled.
 *
 * | order | its cancelable payments |
 * | --- | --- |
 * | paid, expired | cancelled: nobody waits for them, and they can only do harm |
 * | quarantined | left to the operator |
 * | unknown, paid or closed in the shop | cancelled |
 * | unknown, and the shop does not have it either | cancelled within the clean-up's scope, and once the key is proven to be the shop's: with another shop's key all of its payments look like that |
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
 * Says what follows for an order that is not open: every cancelable payment is cancelled by itself, whatever the others do, and
 * the order is looked at again as long as one of them is open. A quarantined order is settled as paid when its payments cover it. An
 * order of which the shop said nothing may be open: nothing is asked, and it is looked at again in a minute.
 */
export function resolveClosedOrder(
  order: ClaimedOrder,
  payments: readonly AssessedPayment[],
  context: ClosedContext,
): OrderStep {
  if (whyLeftAlone(order, context) === "order_locked") {
    return { outcome: "checked", reason: "order_locked", nextCheckAt: later(context.now, LOCKED_PAUSE), cancel: [] };
  }
  const covered = order.status === "quarantined" &&
    coverage(order, eachMoneyOnce(payments.filter(isAssessedAs("paid"))));
  if (covered) return { outcome: "paid", reason: covered, nextCheckAt: null, cancel: [] };
  const postponed = earliestOf(payments.filter(isAssessedAs("postponed")));
  const cancelable = payments.filter(isAssessedAs("cancelable"));
  const leftAlone = whyLeftAlone(order, context);
  const looks = payments.flatMap((it) => nextLookAt(it, context) ?? []).map(Number);
  return {
    ...(postponed ? { outcome: "handed_back", reason: postponed.why, nextCheckAt: postponed.until } : {
      outcome: "checked",
      reason: reasonOf(payments, cancelable.length > 0 ? leftAlone : null),
      nextCheckAt: looks.length > 0 ? new Date(Math.min(...looks)) : null,
    }),
    cancel: leftAlone === null ? cancelable : [],
  };
}

/** What is most urgent to know of an order whose payments were inspected. */
function reasonOf(payments: readonly AssessedPayment[], leftAlone: Reason | null): Reason {
  const quarantined = payments.filter(isAssessedAs("quarantine"));
  if (quarantined.length > 0) return firstOf(quarantined);
  const unclear = payments.filter(isAssessedAs("unclear"));
  if (unclear.length > 0) return firstOf(unclear);
  return leftAlone ?? earliestOf(payments.filter(isAssessedAs("wait")))?.why ?? "payments_checked";
}

/** When to look at one payment again; null: never, it is paid or dead. */
function nextLookAt({ payment, assessment }: AssessedPayment, { now }: ClosedContext): Date | null {
  const known = { now, knownSince: payment.attachedAt };
  switch (assessment.kind) {
    case "wait":
      return latest(nextLook("protected", known), assessment.until);
    case "unclear":
      return latest(nextLook("unclear", known), assessment.notBefore ?? now);
    case "quarantine":
      return nextLook("puzzling", known);
    case "cancelable":
      return nextLook("left_alone", known);
    default:
      return null;
  }
}

/**
 * What money means for an order that is not open; `others` are the order's other payments that are paid. A second payment of a paid
 * order is surplus, money for any other closed order is late.
 */
export function reasonOfPaid(
  order: Pick<ClaimedOrder, "status" | "shopState" | "amount">,
  { money, others }: { money: Money; others: readonly Money[] },
): Extract<Reason, "paid" | "paid_twice" | "maybe_paid_twice" | "order_expired" | "order_absent"> {
  if (order.status === "expired") return "order_expired";
  if (order.status === "unknown" && order.shopState !== "paid") {
    return order.shopState === "closed" ? "order_expired" : "order_absent";
  }
  if (order.status === "quarantined" || order.status === "open") return "paid";
  const isSecond = others.length > 0 && others.every((other) => isSameMoney(money, other) === false);
  if (!isSecond) return "paid";
  return order.amount === null ? "maybe_paid_twice" : "paid_twice";
}

/**
 * Recorded sessions that have to be read before an intent that turned out to be paid can be called a second payment: it may be their
 * own, and nobody recorded which intent they have.
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
 * Where such a session could not be read, it cannot be said today whether the money came twice: its answer, or the lack of one, is
 * that of the intents as well, and they are asked about again.
 */
export function intentsInDoubt(session: AssessedPayment, payments: readonly AssessedPayment[]): AssessedPayment[] {
  const { assessment } = session;
  if (assessment.kind !== "unclear" && assessment.kind !== "postponed") return [];
  return payments.filter(isAssessedAs("paid"))
    .filter(({ payment }) => payment.kind === "payment_intent")
    .map((intent) => ({ ...intent, assessment }));
}

/** The payments that are recorded as paid, as money. */
export function recordedMoney({ payments }: Pick<ClaimedOrder, "payments">): Money[] {
  return payments.filter(({ state }) => state === "paid").map((payment) => moneyOf({ payment, ownIntent: null }));
}

function latest(one: Date, other: Date): Date {
  return one > other ? one : other;
}
