import { endThroughSessions } from "./end-through-sessions.ts";
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
import type { StripeIntent } from "./objects.ts";
import { outcomeOf } from "./outcome.ts";
import { judgeIntent, judgeOwnIntent, type Verdict } from "./verdict.ts";

export type CancelableFinding = Finding & { standing: Extract<Verdict, { kind: "cancelable" }> };

/**
 * Ends one payment whose verdict is `cancelable`, and reports where it stands then. Never again `cancelable`: a payment
 * that could not be ended comes back as `unclear`, so a run tries each one once.
 *
 * | reply | what happens |
 * | --- | --- |
 * | 200, canceled or expired, nothing received | dead |
 * | 200, anything else | look again, and believe that |
 * | refused, the object came along | judge it |
 * | refused, without the object | look again |
 * | … and it is still cancelable | Checkout's? end its session, else unclear |
 * | owned by Checkout | end its session |
 * | outcome unknown | look again: dead counts, still cancelable does not (the call may yet be executed) |
 * | busy, throttled, quarantine, stop | that |
 *
 * Stripe has no conditional cancel. In the gap between the look and the cancel a customer may get into 3-D Secure, get a voucher,
 * or have the card authorised for a capture by hand, and is canceled with it: nothing is charged, a hold is released, and the order
 * closes as unpaid. Every other state that can be reached makes Stripe refuse, except in rare cases `processing`. So whoever calls this
 * keeps the gap short: an intent with a capture by hand is looked at right before, never on a page, and the rest of the gap is
 * what the cancel waits for its slot of the call budget. The session of a payment needs no such care: only an open one expires.
 */
export function endPayment(finding: CancelableFinding, context: LookContext): Promise<Finding> {
  return finding.standing.end === "cancel_intent" ? cancelIntent(finding, context) : expireSession(finding, context);
}

async function cancelIntent({ payment, standing: { id } }: CancelableFinding, context: LookContext): Promise<Finding> {
  const ref = { id, account: payment.stripeAccount };
  const reply = await context.gateway.cancelIntent(ref, { idempotencyKey: idempotencyKey(id, context) });
  const outcome = outcomeOf(reply, "end");
  // The intent of a session payment may lack metadata of its own; its session has proven whose it is.
  const judgeOne = payment.kind === "checkout_session" ? judgeOwnIntent : judgeIntent;
  const judge = (intent: StripeIntent) => judgeOne(intent, verdictContext(payment, context));

  switch (outcome.kind) {
    case "object": {
      const standing = judge(outcome.object);
      if (outcome.refused) {
        return standing.kind === "cancelable"
          ? endThroughSessions(payment, { ...context, intentId: id })
          : findingOf(payment, { reply, standing });
      }
      if (standing.kind === "dead") return findingOf(payment, { reply, standing, ended: "ended_by_run" });
      return unlessCancelable(await lookAt(payment, context), { why: "end_refused", ended: "ended_by_run" });
    }
    case "reread": {
      const again = await lookAt(payment, context);
      return again.standing.kind === "cancelable" ? endThroughSessions(payment, { ...context, intentId: id }) : again;
    }
    case "owned_by_checkout":
      return endThroughSessions(payment, { ...context, intentId: id });
    case "unknown":
      return unlessCancelable(await lookAt(payment, context), { why: outcome.why, ended: "ended_reply_lost" });
    default:
      return findingOf(payment, { reply, standing: standingOf(outcome, { judge, ...context }) });
  }
}

async function expireSession({ payment, standing: { id } }: CancelableFinding, context: LookContext): Promise<Finding> {
  const ref = { id, account: payment.stripeAccount };
  const reply = await context.gateway.expireSession(ref, { idempotencyKey: idempotencyKey(id, context) });
  const outcome = outcomeOf(reply, "end");
  switch (outcome.kind) {
    case "object": {
      const standing = judgeExpanded(outcome.object, verdictContext(payment, context));
      if (standing.kind === "dead") return findingOf(payment, { reply, standing, ended: "ended_by_run" });
      // Expired, but its intent is not canceled yet: whether Stripe does both at once is documented nowhere.
      return unlessCancelable(await lookAt(payment, context), { why: "checkout_closing", ended: "ended_by_run" });
    }
    case "reread":
    case "owned_by_checkout":
      return unlessCancelable(await lookAt(payment, context), { why: "end_refused", ended: null });
    case "unknown":
      return unlessCancelable(await lookAt(payment, context), { why: outcome.why, ended: "ended_reply_lost" });
    default:
      return findingOf(payment, { reply, standing: standingOf(outcome, { judge: refusedToEnd, ...context }) });
  }
}
