import type { ClaimedOrder, OrderDecision } from "../orders.ts";
import { decideOrder, type OrderStep } from "./decide-order.ts";
import { describePayment } from "./describe-payment.ts";
import { endPayment } from "./end-payment.ts";
import { type Finding, lookAt, type LookContext } from "./finding.ts";
import type { Reason } from "./reasons.ts";

export type ExamineContext = Omit<LookContext, "order"> & { dryRun: boolean };

/**
 * The protocol for one order: ask about every payment that is not known dead, judge, decide, and only then end what may
 * be ended, one payment after the other, deciding again after each. While one payment is ended, the customer may authorise
 * another: one with a capture by hand, which Stripe would cancel all the same, is looked at again before its turn.
 *
 * `decision` null: the order is left as it was, to be handed back. `stop`: why the whole run has to stop. Both can be
 * set: what happened before the stop is not lost.
 */
export async function examineOrder(
  order: ClaimedOrder,
  context: ExamineContext,
): Promise<{ decision: OrderDecision | null; stop: Reason | null }> {
  const findings = new Map<string, Finding>();
  /** The payment that Stripe was asked about last: nothing can be known better. */
  let latest: string | null = null;
  // In the order of their ids, so that the same payments always end the same way.
  for (const payment of order.payments.toSorted((a, b) => a.stripeId < b.stripeId ? -1 : 1)) {
    if (payment.state === "dead") continue;
    const finding = await lookAt(payment, { ...context, order });
    if (finding.standing.kind === "stop") return { decision: null, stop: finding.standing.why };
    findings.set(payment.id, finding);
    latest = payment.id;
  }
  let step = decideOrder(order, [...findings.values()]);
  for (let next = step.end[0]; next && !context.dryRun; next = step.end[0]) {
    const isFresh = latest === next.payment.id || !next.capturesByHand;
    const finding = isFresh
      ? await endPayment(next, { ...context, order })
      : await lookAt(next.payment, { ...context, order });
    latest = next.payment.id;
    if (finding.standing.kind === "stop") {
      const stop = finding.standing.why;
      findings.set(next.payment.id, {
        ...finding,
        standing: { kind: "wait", why: "run_stopped", until: context.clock() },
      });
      return { decision: decideAtStop(order, [...findings.values()]), stop };
    }
    findings.set(next.payment.id, finding);
    step = decideOrder(order, [...findings.values()]);
  }
  const known = [...findings.values()];
  if (step.reason === "out_of_time" && !known.some(hasEnded)) return { decision: null, stop: null };
  return { decision: decisionOf(order, { step, findings: known }), stop: null };
}

/** A stop in the middle: keep a decision only if there is something to remember. */
function decideAtStop(order: ClaimedOrder, findings: Finding[]): OrderDecision | null {
  const step = decideOrder(order, findings);
  const isWorthKeeping = step.outcome === "paid" || findings.some(hasEnded);
  return isWorthKeeping ? decisionOf(order, { step: { ...step, end: [] }, findings }) : null;
}

/** `step.end` is empty, but for a dry run: there it holds what would have been ended. */
function decisionOf(order: ClaimedOrder, { step, findings }: { step: OrderStep; findings: Finding[] }): OrderDecision {
  const wouldEnd = new Set(step.end.map(({ payment }) => payment.id));
  const sessions = new Map(findings.map(({ payment, ownIntent }) => [ownIntent, payment.stripeId]));
  return {
    orderId: order.id,
    attempt: order.attempt,
    outcome: step.outcome,
    reason: step.outcome === "expired" && wouldEnd.size > 0 ? "would_expire" : step.reason,
    nextCheckAt: step.nextCheckAt,
    payments: findings.map((finding) => {
      const session = sessions.get(finding.payment.stripeId);
      // A webhook may record the session at this moment, without its intent: then only the intent can say that the two are one.
      const evidence = session === undefined ? finding.evidence : { ...finding.evidence, session };
      return describePayment({ ...finding, evidence }, { wouldEnd: wouldEnd.has(finding.payment.id) });
    }),
  };
}

function hasEnded({ ended }: Finding): boolean {
  return ended !== null;
}
