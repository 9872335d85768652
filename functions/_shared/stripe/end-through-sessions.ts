import type { ClaimedPayment } from "../orders.ts";
import { idempotencyKey, refusedToEnd, unlessCancelable } from "./ending.ts";
import {
  type Finding,
  findingOf,
  judgeExpanded,
  lookAt,
  type LookContext,
  standingOf,
  verdictContext,
} from "./finding.ts";
import type { StripeSession } from "./objects.ts";
import { outcomeOf } from "./outcome.ts";

/**
 * Ends an intent that Stripe refused to cancel although its state allows it: most likely Checkout made it, and then
 * expiring its session is the only way.
 *
 * | its sessions | what happens |
 * | --- | --- |
 * | none | unclear: the refusal stays unexplained |
 * | one that is paid, waits, or is not ours | that |
 * | open | expire it, then look at the payment again |
 * | expired | look again: Stripe cancels the intent, perhaps a moment later |
 * | complete | look again: still cancelable means that nobody can end it, a person has to look |
 */
export async function endThroughSessions(
  payment: ClaimedPayment,
  context: LookContext & { intentId: string },
): Promise<Finding> {
  const ref = { id: context.intentId, account: payment.stripeAccount };
  const reply = await context.gateway.sessionsOfIntent(ref);
  if (!reply.ok) {
    const standing = standingOf(outcomeOf(reply, "read"), { judge: refusedToEnd, ...context });
    return findingOf(payment, { reply: { ok: false, failure: { ...reply.failure, object: null } }, standing });
  }
  const sessions = reply.object.map((session) => ownedThroughIntent(session, context));
  let ended: Finding["ended"] = null;
  for (const session of sessions) {
    const standing = judgeExpanded(session, verdictContext(payment, context));
    if (standing.kind !== "cancelable" && standing.kind !== "dead") {
      return findingOf(payment, { reply: { ...reply, object: session }, standing });
    }
    if (standing.kind === "dead" || standing.end === "cancel_intent") continue;
    const expired = await context.gateway.expireSession(
      { id: session.id, account: payment.stripeAccount },
      { idempotencyKey: idempotencyKey(session.id, context) },
    );
    const after = outcomeOf(expired, "end");
    switch (after.kind) {
      case "object":
        ended = "ended_by_run";
        break;
      case "unknown":
        ended = "ended_reply_lost";
        break;
      case "reread":
      case "owned_by_checkout":
        break;
      default:
        return findingOf(payment, {
          reply: expired,
          standing: standingOf(after, { judge: refusedToEnd, ...context }),
        });
    }
  }
  const again = await lookAt(payment, context);
  if (again.standing.kind === "cancelable" && sessions.some((session) => session.status === "complete")) {
    return { ...again, standing: { kind: "quarantine", why: "checkout_unclosable" } };
  }
  return unlessCancelable(again, { why: sessions.length > 0 ? "checkout_closing" : "end_refused", ended });
}

/** The shop put its mark on the intent and that was checked; the session need not repeat it, but must not deny it. */
function ownedThroughIntent(session: StripeSession, { order }: LookContext): StripeSession {
  return { ...session, metadata: { order_id: order.id, ...session.metadata } };
}
