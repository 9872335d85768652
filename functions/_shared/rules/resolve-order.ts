import { type AssessedAs, type AssessedPayment, dedupeSessionIntents, isAssessedAs } from "./assessment.ts";
import type { ClaimedOrder, OrderDecision } from "./orders.ts";
import type { Reason } from "./reasons.ts";

/** The next step of an order: its outcome, and the payments to cancel first. `cancel` is empty when nothing is left to do. */
export type OrderStep = Pick<OrderDecision, "outcome" | "reason" | "nextCheckAt"> & {
  cancel: AssessedAs<"cancelable">[];
};

/**
 * Resolves the next step of an open order from its payments. The first row that fits counts:
 *
 * | payments | outcome | cancels |
 * | --- | --- | --- |
 * | paid ones that cover the order | paid (`paid_twice` when several exceed it) | the cancelable ones, as far as possible |
 * | one in quarantine | quarantined | nothing |
 * | one unclear | retry | nothing |
 * | one postponed | handed back | nothing |
 * | a paid one that does not cover the order | quarantined, `amount_mismatch` | nothing |
 * | one waits | waiting, until the earliest | nothing: the customer may still use the other payments |
 * | an amount of 0 | quarantined, `nothing_to_pay` | nothing: the customer had nothing to pay |
 * | none at all | expired, `no_payment` | – |
 * | at least one cancelable | expired, once all of them are dead | every cancelable one |
 * | all dead | expired | – |
 *
 * An intent and its own Checkout Session count once. The rows for unclear and postponed payments come before the mismatch, because such a
 * payment may have brought the missing amount.
 * The table applies again after each cancel. A payment that turns out to be paid, waiting or unclear then moves the order to another row,
 * and nothing more is cancelled.
 */
export function resolveOrder(order: ClaimedOrder, payments: readonly AssessedPayment[]): OrderStep {
  const cancelable = payments.filter(isAssessedAs("cancelable"));
  const paid = dedupeSessionIntents(payments.filter(isAssessedAs("paid")));
  const covered = reasonIfCovered(order, paid);
  if (covered !== null) return { ...stepTo("paid", covered), cancel: cancelable };

  const quarantined = payments.filter(isAssessedAs("quarantine"));
  if (quarantined.length > 0) return stepTo("quarantined", firstReason(quarantined));
  const undecided = stepIfUndecided(payments);
  if (undecided) return { ...undecided, cancel: [] };
  if (paid.length > 0) return stepTo("quarantined", "amount_mismatch");
  const waiting = earliestOf(payments.filter(isAssessedAs("wait")));
  if (waiting) return { ...stepTo("waiting", waiting.why), nextCheckAt: waiting.until };
  if (order.amount === 0) return stepTo("quarantined", "nothing_to_pay");
  return { ...stepTo("expired", order.payments.length === 0 ? "no_payment" : "all_dead"), cancel: cancelable };
}

/**
 * The reason why paid payments settle the order, or null when they do not. `paid` has each payment once. Payments in another currency do
 * not count. If the shop cannot know the amount, any payment that succeeded settles the order.
 */
export function reasonIfCovered(
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

/** One of several reasons: the first by name, so that the order of the payments does not matter. */
export function firstReason(payments: readonly AssessedAs<"quarantine" | "unclear" | "wait" | "postponed">[]): Reason {
  return payments.map(({ assessment }) => assessment.why).reduce((first, why) => why < first ? why : first);
}

/** The earliest end of several waits, and its reason. */
export function earliestOf(payments: readonly AssessedAs<"wait" | "postponed">[]): { until: Date; why: Reason } | null {
  if (payments.length === 0) return null;
  const until = Math.min(...payments.map(({ assessment }) => assessment.until.getTime()));
  const earliest = payments.filter(({ assessment }) => assessment.until.getTime() === until);
  return { until: new Date(until), why: firstReason(earliest) };
}

/** The next step while a payment is unclear or postponed; null if none is. */
export function stepIfUndecided(payments: readonly AssessedPayment[]): Omit<OrderStep, "cancel"> | null {
  const unclear = payments.filter(isAssessedAs("unclear"));
  if (unclear.length > 0) return { outcome: "retry", reason: firstReason(unclear), nextCheckAt: latestOf(unclear) };
  const postponed = earliestOf(payments.filter(isAssessedAs("postponed")));
  return postponed && { outcome: "handed_back", reason: postponed.why, nextCheckAt: postponed.until };
}

function latestOf(unclear: readonly AssessedAs<"unclear">[]): Date | null {
  const moments = unclear.flatMap(({ assessment }) => assessment.notBefore?.getTime() ?? []);
  return moments.length > 0 ? new Date(Math.max(...moments)) : null;
}

function stepTo(outcome: OrderDecision["outcome"], reason: Reason): OrderStep {
  return { outcome, reason, nextCheckAt: null, cancel: [] };
}
