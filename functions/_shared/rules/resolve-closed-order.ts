import { type AssessedPayment, isAssessedAs } from "./assessment.ts";
import type { ClaimedOrder } from "./orders.ts";
import { nextLook, type Policy } from "./policy.ts";
import type { Reason } from "./reasons.ts";
import { coverage, earliestOf, firstOf, type OrderStep, undecided } from "./resolve-order.ts";
import { eachMoneyOnce, isSameMoney, type Money, moneyOf } from "./same-money.ts";

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
 * the order is looked at again as long as one of them is open. The first row that fits counts:
 *
 * | order and payments | outcome |
 * | --- | --- |
 * | unknown, and the shop's answer is missing | handed back: it may be open, so nothing is asked |
 * | quarantined, and paid ones cover it | paid; the rest is cancelled when it is looked at as a paid order |
 * | one unclear | retry |
 * | one postponed | handed back |
 * | any other | checked, with the earliest next look, if a payment is still open |
 */
export function resolveClosedOrder(
  order: ClaimedOrder,
  payments: readonly AssessedPayment[],
  context: ClosedContext,
): OrderStep {
  const leftAlone = whyLeftAlone(order, context);
  if (leftAlone === "order_locked") return { outcome: "handed_back", reason: leftAlone, nextCheckAt: null, cancel: [] };
  const covered = order.status === "quarantined" &&
    coverage(order, eachMoneyOnce(payments.filter(isAssessedAs("paid"))));
  if (covered) return { outcome: "paid", reason: covered, nextCheckAt: null, cancel: [] };

  const cancelable = payments.filter(isAssessedAs("cancelable"));
  return {
    ...(undecided(payments) ?? {
      outcome: "checked",
      reason: reasonOf(payments, cancelable.length > 0 ? leftAlone : null),
      nextCheckAt: earliest(payments.flatMap((it) => nextLookAt(it, context) ?? [])),
    }),
    cancel: leftAlone === null ? cancelable : [],
  };
}

/** What is most urgent to know of an order whose payments were inspected. */
function reasonOf(payments: readonly AssessedPayment[], leftAlone: Reason | null): Reason {
  const quarantined = payments.filter(isAssessedAs("quarantine"));
  if (quarantined.length > 0) return firstOf(quarantined);
  return leftAlone ?? earliestOf(payments.filter(isAssessedAs("wait")))?.why ?? "payments_checked";
}

/** When to look at one payment again; null: never, it is paid or dead. */
function nextLookAt({ payment, assessment }: AssessedPayment, { now }: ClosedContext): Date | null {
  const known = { now, knownSince: payment.attachedAt };
  switch (assessment.kind) {
    case "wait": {
      const look = nextLook("protected", known);
      return look > assessment.until ? look : assessment.until;
    }
    case "quarantine":
      return nextLook("puzzling", known);
    case "cancelable":
      return nextLook("left_alone", known);
    default:
      return null;
  }
}

function earliest(moments: readonly Date[]): Date | null {
  return moments.length > 0 ? new Date(Math.min(...moments.map(Number))) : null;
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
