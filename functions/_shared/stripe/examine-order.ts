import type { ClaimedOrder, OrderDecision } from "../orders.ts";
import { decideOrder, type OrderStep } from "./decide-order.ts";
import { describePayment } from "./describe-payment.ts";
import { type CancelableFinding, endPayment } from "./end-payment.ts";
import { type Finding, lookAt, type LookContext } from "./finding.ts";
import type { Reason } from "./reasons.ts";

export type ExamineContext = Omit<LookContext, "order"> & { dryRun: boolean };

/**
 * The protocol for one order: ask about every payment that is not known dead, judge, decide, and only then end what may
 * be ended, one payment after the other, deciding again after each.
 *
 * `decision` null: the order is left as it was, to be handed back. `stop`: why the whole run has to stop. Both can be
 * set: what happened before the stop is not lost.
 */
export async function examineOrder(
  order: ClaimedOrder,
  context: ExamineContext,
): Promise<{ decision: OrderDecision | null; stop: Reason | null }> {
  const findings = new Map<string, Finding>();
  // In the order of their ids, so that the same payments always end the same way.
  for (const payment of order.payments.toSorted((a, b) => a.stripeId < b.stripeId ? -1 : 1)) {
    if (payment.state === "dead") continue;
    const finding = await lookAt(payment, { ...context, order });
    if (finding.standing.kind === "stop") return { decision: null, stop: finding.standing.why };
    findings.set(payment.id, finding);
  }
  if ([...findings.values()].some(isOutOfTime)) return { decision: null, stop: null };

  let step = decideOrder(order, [...findings.values()]);
  if (context.dryRun) return { decision: foresee(order, { step, findings: [...findings.values()] }), stop: null };

  for (let next = step.end[0]; next; next = step.end[0]) {
    const finding = await endPayment(next, { ...context, order });
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
  if (!hasEnded(findings) && step.reason === "out_of_time") return { decision: null, stop: null };
  return { decision: decisionOf(order, { step, findings: [...findings.values()] }), stop: null };
}

/** A stop in the middle: keep a decision only if there is something to remember. */
function decideAtStop(order: ClaimedOrder, findings: Finding[]): OrderDecision | null {
  const step = decideOrder(order, findings);
  const isWorthKeeping = step.outcome === "paid" || findings.some(({ ended }) => ended);
  return isWorthKeeping ? decisionOf(order, { step, findings }) : null;
}

/** A dry run: what would follow if every end succeeded. */
function foresee(order: ClaimedOrder, { step, findings }: { step: OrderStep; findings: Finding[] }): OrderDecision {
  const wouldEnd = step.outcome === "expired" && step.end.length > 0;
  return decisionOf(order, {
    step: wouldEnd ? { ...step, reason: "would_expire" } : step,
    findings,
    wouldEnd: step.end,
  });
}

function decisionOf(
  order: ClaimedOrder,
  { step, findings, wouldEnd = [] }: { step: OrderStep; findings: Finding[]; wouldEnd?: CancelableFinding[] },
): OrderDecision {
  return {
    orderId: order.id,
    attempt: order.attempt,
    outcome: step.outcome,
    reason: step.reason,
    nextCheckAt: step.nextCheckAt,
    payments: findings.map((finding) =>
      describePayment(finding, { wouldEnd: wouldEnd.some(({ payment }) => payment.id === finding.payment.id) })
    ),
  };
}

function isOutOfTime({ standing }: Finding): boolean {
  return standing.kind === "wait" && standing.why === "out_of_time";
}

function hasEnded(findings: Map<string, Finding>): boolean {
  return [...findings.values()].some(({ ended }) => ended);
}
