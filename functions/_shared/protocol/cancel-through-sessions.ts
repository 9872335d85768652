import { assessSession } from "../rules/assess-session.ts";
import { type AssessedPayment, resolveAfterCancel } from "../rules/assessment.ts";
import type { ClaimedPayment } from "../rules/orders.ts";
import {
  assessContext,
  assessedPayment,
  assessFailure,
  type InspectContext,
  inspectPayment,
} from "./inspect-payment.ts";

/** The idempotency key for a call about one object. */
export type KeyFor = (stripeId: string) => { idempotencyKey: string };

/**
 * Cancels an intent that Stripe refused to cancel although its state allows it. Most likely Checkout made the intent, and then only
 * expiring its session cancels it.
 *
 * | its sessions | what happens |
 * | --- | --- |
 * | none | unclear: the refusal stays unexplained |
 * | one that is paid, waits or is foreign | the session's assessment counts |
 * | open | expire it, then inspect the payment again |
 * | expired | inspect again: Stripe cancels the intent, perhaps a moment later |
 * | complete | inspect again: if it is still cancelable, nobody can cancel it, and a person must decide |
 */
export async function cancelThroughSessions(
  payment: ClaimedPayment,
  { intentId, keyFor, ...context }: InspectContext & { intentId: string; keyFor: KeyFor },
): Promise<AssessedPayment> {
  const { account } = payment;
  const found = await context.gateway.sessionsOfIntent({ id: intentId, account });
  if (found.kind !== "object") {
    const outcome = found.kind === "refused" ? { ...found, object: null } : found;
    return assessedPayment(payment, { outcome, assessment: assessFailure(outcome, context) });
  }
  let canceled: AssessedPayment["canceled"] = null;
  for (const session of found.object) {
    // The intent's ownership was checked, so the session may lack metadata but must not name another order.
    const assessment = assessSession(session, assessContext({ source: "server" }, context));
    if (assessment.kind !== "cancelable" && assessment.kind !== "dead") {
      return assessedPayment(payment, { outcome: { ...found, object: session }, assessment });
    }
    if (assessment.kind === "dead" || assessment.call === "cancel_intent") continue;
    const outcome = await context.gateway.expireSession({ id: session.id, account }, keyFor(session.id));
    if (outcome.kind === "object") canceled = "ended_by_run";
    else if (outcome.kind === "unknown") canceled = "ended_reply_lost";
    else if (outcome.kind !== "refused") {
      return assessedPayment(payment, { outcome, assessment: assessFailure(outcome, context) });
    }
  }
  const again = await inspectPayment(payment, context);
  if (again.assessment.kind === "cancelable" && found.object.some(({ status }) => status === "complete")) {
    return { ...again, assessment: { kind: "quarantine", why: "checkout_unclosable" } };
  }
  return resolveAfterCancel(again, { why: found.object.length > 0 ? "checkout_closing" : "end_refused", canceled });
}
