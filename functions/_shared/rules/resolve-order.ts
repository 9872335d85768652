import { type AssessedAs, type AssessedPayment, isAssessedAs } from "./assessment.ts";
import type { ClaimedOrder, OrderDecision } from "./orders.ts";
import type { Reason } from "./reasons.ts";
import { eachMoneyOnce } from "./same-money.ts";

/** What follows for the order as a whole, and the payments to cancel on the way there; `cancel` is empty when all is done. */
export type OrderStep = Pick<OrderDecision, "outcome" | "reason" | "nextCheckAt"> & {
  cancel: AssessedAs<"cancelable">[];
};

/**
 * Says what follows for an open order from its payments. The first row that fits counts, whatever else there is:
 *
 * | payments | outcome | cancels |
 * | --- | --- | --- |
 * | paid ones that cover the order | paid (`paid_twice` when several exceed it) | the cancelable ones, as far as it works |
 * | one in quarantine | quarantined | nothing |
 * | one unclear | retry | nothing |
 * | one postponed | handed back | nothing |
 * | a paid one that does not cover the order | quarantined, `amount_mismatch` | nothing |
 * | one waits | waiting, until the earliest | nothing: the order stays open, and the customer may still use the other payment |
 * | an amount of 0 | quarantined, `nothing_to_pay` | nothing: who has nothing to pay did not fail to pay |
 * | none at all | expired, `no_payment` | – |
 * | at least one cancelable | expired, once all of them are dead | every cancelable one |
 * | all dead | expired | – |
 *
 * An intent beside its own Checkout Session is the same money and counts once. Unclear and postponed stand before the mismatch,
 * because the payment that could not be read may be the other half of the money.
 * After each cancel the table is read again with what came of it, so a payment that turned out paid, waiting or unclear while the
 * others were being cancelled moves the order to that row and stops the cancelling.
 */
export function resolveOrder(order: ClaimedOrder, payments: readonly AssessedPayment[]): OrderStep {
  const cancelable = payments.filter(isAssessedAs("cancelable"));
  const paid = eachMoneyOnce(payments.filter(isAssessedAs("paid")));
  const covered = coverage(order, paid);
  if (covered !== null) return { ...settled("paid", covered), cancel: cancelable };

  const quarantined = payments.filter(isAssessedAs("quarantine"));
  if (quarantined.length > 0) return settled("quarantined", firstOf(quarantined));
  const notRead = undecided(payments);
  if (notRead) return { ...notRead, cancel: [] };
  if (paid.length > 0) return settled("quarantined", "amount_mismatch");
  const waiting = earliestOf(payments.filter(isAssessedAs("wait")));
  if (waiting) return { ...settled("waiting", waiting.why), nextCheckAt: waiting.until };
  if (order.amount === 0) return settled("quarantined", "nothing_to_pay");
  return { ...settled("expired", order.payments.length === 0 ? "no_payment" : "all_dead"), cancel: cancelable };
}

/**
 * The reason why paid payments, each money once, settle the order; null when they do not. Money in another currency covers nothing
 * and is never the order's own. Where the shop cannot know the amount, any payment that succeeded settles the order.
 */
export function coverage(
  { amount, currency }: Pick<ClaimedOrder, "amount" | "currency">,
  paid: readonly AssessedAs<"paid">[],
): Extract<Reason, "paid" | "paid_twice" | "maybe_paid_twice"> | null {
  const own = paid.filter(({ assessment }) =>
    currency === null || assessment.currency === null || assessment.currency === currency
  );
  if (own.length === 0) return null;
  if (amount === null) return paid.length > 1 ? "maybe_paid_twice" : "paid";
  const received = own.reduce((sum, { assessment }) => sum + assessment.amountReceived, 0);
  if (received < amount) return null;
  // A single payment above the amount is a tip or a fee, not a second payment.
  return paid.length > 1 && (received > amount || own.length < paid.length) ? "paid_twice" : "paid";
}

/** One reason for the order out of several: by name, so that the order of the payments does not matter. */
export function firstOf(payments: readonly AssessedAs<"quarantine" | "unclear" | "wait" | "postponed">[]): Reason {
  return payments.map(({ assessment }) => assessment.why).reduce((first, why) => why < first ? why : first);
}

/** The earliest end of several waits, and its reason. */
export function earliestOf(payments: readonly AssessedAs<"wait" | "postponed">[]): { until: Date; why: Reason } | null {
  if (payments.length === 0) return null;
  const until = Math.min(...payments.map(({ assessment }) => assessment.until.getTime()));
  const earliest = payments.filter(({ assessment }) => assessment.until.getTime() === until);
  return { until: new Date(until), why: firstOf(earliest) };
}

/** What follows while a payment could not be read: a failed attempt, or none at all. Null: every one was read. */
export function undecided(payments: readonly AssessedPayment[]): Omit<OrderStep, "cancel"> | null {
  const unclear = payments.filter(isAssessedAs("unclear"));
  if (unclear.length > 0) return { outcome: "retry", reason: firstOf(unclear), nextCheckAt: latestOf(unclear) };
  const postponed = earliestOf(payments.filter(isAssessedAs("postponed")));
  return postponed && { outcome: "handed_back", reason: postponed.why, nextCheckAt: postponed.until };
}

function latestOf(unclear: readonly AssessedAs<"unclear">[]): Date | null {
  const moments = unclear.flatMap(({ assessment }) => assessment.notBefore?.getTime() ?? []);
  return moments.length > 0 ? new Date(Math.max(...moments)) : null;
}

function settled(outcome: OrderDecision["outcome"], reason: Reason): OrderStep {
  return { outcome, reason, nextCheckAt: null, cancel: [] };
}
