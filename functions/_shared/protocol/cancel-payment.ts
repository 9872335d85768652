import { assessIntent } from "../rules/assess-intent.ts";
import { assessIntentOfSession, assessSession } from "../rules/assess-session.ts";
import { type AssessedAs, type AssessedPayment, resolveAfterCancel } from "../rules/assessment.ts";
import type { StripeIntent } from "../stripe/objects.ts";
import type { Outcome } from "../stripe/outcome.ts";
import { cancelThroughSessions, type KeyFor } from "./cancel-through-sessions.ts";
import {
  assessContext,
  assessedPayment,
  assessFailure,
  type InspectContext,
  inspectPayment,
} from "./inspect-payment.ts";

export type CancelContext = InspectContext & {
  /** Part of every idempotency key, so that two databases or two jobs never share one. */
  idempotencyScope: string;
};

/** What became of earlier cancels of one payment in this run. */
export type CancelHistory = { tries: number; unknown: number };

/** A payment that was turned away by a limit or lost its reply is inspected and cancelled again; so often in all. */
const MOST_TRIES = 3;
/** After so many lost replies the next run goes on. */
const MOST_UNKNOWN = 2;

/**
 * Cancels one payment that was inspected right before, and reports where it stands then. Still `cancelable` means: it was
 * inspected again just now, and may be tried once more.
 *
 * | outcome | what happens |
 * | --- | --- |
 * | executed, canceled or expired, nothing received | dead |
 * | executed, anything else | inspect again, and believe that |
 * | refused, the object came along | assess it |
 * | refused, without the object | inspect again |
 * | … and it is still cancelable | Checkout's? cancel it through its session, else unclear |
 * | refused in Checkout's name | cancel it through its session |
 * | unknown | inspect again: dead counts; still cancelable is tried once more, then unclear (a call may yet be executed) |
 * | throttled, crowded | inspect again, try again: it was not executed, and the last look is too old by now |
 * | busy, out of time, quarantine, stop | that |
 *
 * Stripe has no conditional cancel. In the gap between the look and the cancel a customer may get into 3-D Secure, get a voucher, or
 * have the card authorised for a capture by hand, and is cancelled with it. Every other state that can be reached makes Stripe
 * refuse, except in rare cases `processing`. So the gap is one round trip: whatever takes longer begins with another look. The
 * session of a payment needs no such care: only an open one expires.
 */
export async function cancelPayment(
  target: AssessedAs<"cancelable">,
  { history, ...context }: CancelContext & { history: CancelHistory },
): Promise<AssessedPayment> {
  history.tries += 1;
  const { idempotencyScope, order: { attempt } } = context;
  // One key per try. A key that outlives the try would freeze the answer for a day: a refusal "is processing", or a saved 500, would
  // be replayed long after the payment could be cancelled.
  const keyFor = (id: string) => ({ idempotencyKey: `lapse:${idempotencyScope}:${id}:${attempt}.${history.tries}` });
  const call = target.assessment.call === "cancel_intent" ? cancelIntent : expireSession;
  return await call(target, { ...context, keyFor, history });
}

type Call = InspectContext & { keyFor: KeyFor; history: CancelHistory };

async function cancelIntent(
  { payment, assessment: { id } }: AssessedAs<"cancelable">,
  { keyFor, history, ...context }: Call,
): Promise<AssessedPayment> {
  const outcome = await context.gateway.cancelIntent({ id, account: payment.account }, keyFor(id));
  // The intent of a session may lack metadata of its own; its session has proven whose it is.
  const assessOne = payment.kind === "checkout_session" ? assessIntentOfSession : assessIntent;
  const assess = (intent: StripeIntent) => assessOne(intent, assessContext(payment, context));
  const throughSessions = () => cancelThroughSessions(payment, { ...context, intentId: id, keyFor });
  switch (outcome.kind) {
    case "object": {
      const assessment = assess(outcome.object);
      if (assessment.kind === "dead") {
        return assessedPayment(payment, { outcome, assessment, canceled: "ended_by_run" });
      }
      return resolveAfterCancel(await inspectPayment(payment, context), {
        why: "end_refused",
        canceled: "ended_by_run",
      });
    }
    case "refused": {
      if (outcome.byCheckout) return await throughSessions();
      const again = outcome.object === null
        ? await inspectPayment(payment, context)
        : assessedPayment(payment, { outcome, assessment: assess(outcome.object) });
      if (again.assessment.kind === "cancelable") return await throughSessions();
      return creditedTo(history, again);
    }
    default:
      return await resolveOtherwise(payment, { outcome, history, ...context });
  }
}

async function expireSession(
  { payment, assessment: { id } }: AssessedAs<"cancelable">,
  { keyFor, history, ...context }: Call,
): Promise<AssessedPayment> {
  const outcome = await context.gateway.expireSession({ id, account: payment.account }, keyFor(id));
  switch (outcome.kind) {
    case "object": {
      const assessment = assessSession(outcome.object, assessContext(payment, context));
      if (assessment.kind === "dead") {
        return assessedPayment(payment, { outcome, assessment, canceled: "ended_by_run" });
      }
      // Expired, but its intent is not canceled yet: whether Stripe does both at once is documented nowhere.
      return resolveAfterCancel(await inspectPayment(payment, context), {
        why: "checkout_closing",
        canceled: "ended_by_run",
      });
    }
    case "refused": {
      const again = await inspectPayment(payment, context);
      return creditedTo(history, resolveAfterCancel(again, { why: "end_refused", canceled: null }));
    }
    default:
      return await resolveOtherwise(payment, { outcome, history, ...context });
  }
}

/** A cancel that brought no word about the payment itself. */
async function resolveOtherwise(
  payment: AssessedPayment["payment"],
  { outcome, history, ...context }: InspectContext & {
    outcome: Exclude<Outcome<never>, { kind: "object" | "refused" }>;
    history: CancelHistory;
  },
): Promise<AssessedPayment> {
  const isCrowded = outcome.kind === "unsent" && outcome.why === "crowded";
  if (outcome.kind === "unknown") {
    history.unknown += 1;
    const again = creditedTo(history, await inspectPayment(payment, context));
    const mayTryAgain = history.unknown < MOST_UNKNOWN && history.tries < MOST_TRIES && outcome.why !== "card_error";
    return mayTryAgain ? again : resolveAfterCancel(again, { why: outcome.why, canceled: again.canceled });
  }
  if ((outcome.kind === "throttled" && history.tries < MOST_TRIES) || isCrowded) {
    // Nothing was sent to Stripe for want of room: that takes turns, but no tries.
    if (isCrowded) history.tries -= 1;
    return creditedTo(history, await inspectPayment(payment, context));
  }
  return assessedPayment(payment, { outcome, assessment: assessFailure(outcome, context) });
}

/** A payment found dead after a cancel whose reply was lost was cancelled by it. */
function creditedTo({ unknown }: CancelHistory, again: AssessedPayment): AssessedPayment {
  return again.assessment.kind === "dead" && unknown > 0 ? { ...again, canceled: "ended_reply_lost" } : again;
}
