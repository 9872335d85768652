import { type AssessedPayment, identityOf, isAssessedAs } from "./assessment.ts";
import type { ClaimedOrder, OrderDecision, PaymentDecision } from "./orders.ts";
import type { Reason } from "./reasons.ts";
import { type ClosedContext, isUnproven, reasonOfPaid, recordedAsPaid, whyLeftAlone } from "./resolve-closed-order.ts";
import type { OrderStep } from "./resolve-order.ts";

type DecisionContext = ClosedContext & { step: OrderStep; payments: readonly AssessedPayment[]; dryRun: boolean };

/** The decision to record for an order. In a dry run, `step.cancel` has the payments that a real run would have cancelled. */
export function decisionOf(order: ClaimedOrder, context: DecisionContext): OrderDecision {
  const { step: { outcome, reason, nextCheckAt, cancel }, payments, dryRun } = context;
  const isForeseen = dryRun && outcome === "expired" && cancel.length > 0;
  return {
    ref: order.ref,
    attempt: order.attempt,
    outcome,
    reason: isForeseen ? "would_expire" : reason,
    nextCheckAt,
    ...(outcome === "paid" && order.amount !== null ? { amount: order.amount } : {}),
    payments: payments
      // The paid sessions of a closed order are recorded already. They are inspected only to learn their intents.
      .filter(({ payment: { state } }) => state === "open" || isUndecided(order))
      .map((it) => describePayment(it, { order, ...context })),
  };
}

/** A failed attempt that learned nothing about its order. */
export function failedDecision({ ref, attempt }: Pick<ClaimedOrder, "ref" | "attempt">, reason: Reason): OrderDecision {
  return { ref, attempt, outcome: "retry", reason, nextCheckAt: null, payments: [] };
}

function describePayment(
  it: AssessedPayment,
  context: DecisionContext & { order: ClaimedOrder },
): PaymentDecision {
  const { payment, assessment, canceled } = it;
  const { order } = context;
  const session = sessionOf(it, context);
  const known = {
    stripeId: payment.stripeId,
    // A webhook may be recording the session without its intent. Then only this evidence shows that the two are one payment.
    evidence: session === null ? it.evidence : { ...it.evidence, session },
  };
  const kept = { ...known, state: payment.state, outcome: "kept" } as const;
  switch (assessment.kind) {
    case "paid":
      if (isUnproven(order, context)) return { ...kept, reason: "account_unproven", alert: true };
      return { ...known, state: "paid", outcome: "found_paid", reason: paidReason(it, context) };
    case "dead":
      return canceled
        ? { ...known, state: "dead", outcome: "canceled", reason: canceled }
        : { ...known, state: "dead", outcome: "found_dead", reason: assessment.why ?? "already_dead" };
    case "cancelable":
      return { ...kept, reason: whyKept(it, context) };
    case "quarantine":
      return { ...kept, reason: assessment.why, ...(isUndecided(order) ? {} : { alert: true }) };
    case "wait":
    case "unclear":
    case "postponed":
    case "stop":
      return { ...kept, reason: assessment.why };
  }
}

/** Why a payment that could be cancelled was not. */
function whyKept(it: AssessedPayment, { order, step, dryRun, ...context }: DecisionContext & { order: ClaimedOrder }) {
  const { payment: { stripeId }, assessment } = it;
  if (step.cancel.some(({ payment }) => payment.stripeId === stripeId)) {
    if (!dryRun) return "run_stopped";
    const isSession = assessment.kind === "cancelable" && assessment.call === "expire_session";
    return isSession ? "would_expire_session" : "would_cancel";
  }
  return order.status === "open" ? "sibling_waits" : whyLeftAlone(order, context) ?? "run_stopped";
}

/** The reason of a paid payment. Recorded payments count as earlier, then those before it in this run's order. */
function paidReason(it: AssessedPayment, { order, payments }: DecisionContext & { order: ClaimedOrder }): Reason {
  const before = payments.slice(0, payments.indexOf(it)).filter(isAssessedAs("paid"));
  const recorded = recordedAsPaid(order).map((paid) => {
    const read = payments.find(({ payment }) => payment.stripeId === paid.stripeId);
    return read ? identityOf(read) : paid;
  });
  return reasonOfPaid(order, { paid: identityOf(it), others: [...recorded, ...before.map(identityOf)] });
}

/** The order's session that made an intent; `none` if all of the order's sessions are known to have made others. */
function sessionOf({ payment }: AssessedPayment, { order, payments }: DecisionContext & { order: ClaimedOrder }) {
  if (payment.kind === "checkout_session") return null;
  const sessions = order.payments.filter(({ kind }) => kind === "checkout_session").map((session) => {
    const read = payments.find((it) => it.payment.stripeId === session.stripeId);
    return read ? identityOf(read) : identityOf({ payment: session, ownIntent: null });
  });
  const own = sessions.find(({ ownIntent }) => ownIntent === payment.stripeId);
  if (own) return own.stripeId;
  return sessions.length > 0 && sessions.every(({ ownIntent }) => ownIntent !== null) ? "none" : null;
}

function isUndecided({ status }: ClaimedOrder): boolean {
  return status === "open" || status === "quarantined";
}
