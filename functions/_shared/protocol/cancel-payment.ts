import { assessIntent } from "../rules/assess-intent.ts";
import { assessIntentOfSession, assessSession } from "../rules/assess-session.ts";
import { type AssessedAs, type AssessedPayment, resolveAfterCancel } from "../rules/assessment.ts";
import type { ClaimedPayment } from "../rules/orders.ts";
import type { StripeIntent } from "../stripe/objects.ts";
import type { Outcome } from "../stripe/outcome.ts";
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

/** The earlier attempts to cancel one payment in this run. `unknown`: those whose reply was lost. */
export type CancelHistory = { tries: number; unknown: number };

/** A cancel that was throttled or lost its reply is tried again after another inspection, up to this many tries in all. */
const MAX_TRIES = 3;
/** After this many lost replies the payment is left to the next run. */
const MAX_UNKNOWN = 2;

/**
 * Cancels one payment that has just been inspected, and returns its new assessment. `cancelable` means that it has just been inspected
 * again and may be cancelled once more.
 *
 * | outcome | what happens |
 * | --- | --- |
 * | executed: canceled or expired, nothing received | dead |
 * | executed: anything else | inspect again; that answer counts |
 * | refused, with an object that received nothing | assess the object |
 * | refused otherwise | inspect again |
 * | refused, and still cancelable | cancel an intent through its session; a session is unclear |
 * | refused because Checkout made the intent | cancel it through its session |
 * | unknown | inspect again: dead counts; still cancelable is tried once more, then unclear, as the call may yet be executed |
 * | throttled, crowded | inspect and try again: the call was not executed, and the last inspection is too old by now |
 * | busy, out of time, quarantine, stop | assessed like a failed read |
 *
 * Stripe has no conditional cancel. Between inspection and cancel a customer may enter 3-D Secure, get a voucher, or have the card
 * authorised for a manual capture, and the cancel takes that away. In every other state Stripe refuses the cancel, except in rare cases
 * for `processing`. The gap is therefore one round trip, and whatever takes longer begins with another inspection. Sessions need no such
 * care, because Stripe expires only open ones.
 */
export async function cancelPayment(
  target: AssessedAs<"cancelable">,
  { history, ...context }: CancelContext & { history: CancelHistory },
): Promise<AssessedPayment> {
  history.tries += 1;
  const { idempotencyScope, order: { attempt } } = context;
  // One key per try. Stripe replays the answer to a reused key for a day: a refusal or a 500 would come back long after the payment
  // could be cancelled.
  const keyFor = (id: string) => ({ idempotencyKey: `lapse:${idempotencyScope}:${id}:${attempt}.${history.tries}` });
  const call = target.assessment.call === "cancel_intent" ? cancelIntent : expireSession;
  return await call(target, { ...context, keyFor, history });
}

/** The idempotency key for a call about one object. */
type KeyFor = (stripeId: string) => { idempotencyKey: string };

type Call = InspectContext & { keyFor: KeyFor; history: CancelHistory };

async function cancelIntent(
  { payment, assessment: { id } }: AssessedAs<"cancelable">,
  { keyFor, history, ...context }: Call,
): Promise<AssessedPayment> {
  const outcome = await context.gateway.cancelIntent({ id, account: payment.account }, keyFor(id));
  // A session's intent may have no metadata of its own; its session proves which order it belongs to.
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
      // The object of a refusal has its charge as an id, which does not say whether money was refunded.
      const again = outcome.object === null || outcome.object.amount_received > 0
        ? await inspectPayment(payment, context)
        : assessedPayment(payment, { outcome, assessment: assess(outcome.object) });
      if (again.assessment.kind === "cancelable") return await throughSessions();
      return creditLostReply(history, again);
    }
    default:
      return await resolveWithoutObject(payment, { outcome, history, ...context });
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
      // Expired, but its intent is not canceled yet. Stripe does not document whether it does both at once.
      return resolveAfterCancel(await inspectPayment(payment, context), {
        why: "checkout_closing",
        canceled: "ended_by_run",
      });
    }
    case "refused": {
      const again = await inspectPayment(payment, context);
      return creditLostReply(history, resolveAfterCancel(again, { why: "end_refused", canceled: null }));
    }
    default:
      return await resolveWithoutObject(payment, { outcome, history, ...context });
  }
}

/** Resolves a cancel whose outcome says nothing about the payment itself. */
async function resolveWithoutObject(
  payment: AssessedPayment["payment"],
  { outcome, history, ...context }: InspectContext & {
    outcome: Exclude<Outcome<never>, { kind: "object" | "refused" }>;
    history: CancelHistory;
  },
): Promise<AssessedPayment> {
  const isCrowded = outcome.kind === "unsent" && outcome.why === "crowded";
  if (outcome.kind === "unknown") {
    history.unknown += 1;
    const again = creditLostReply(history, await inspectPayment(payment, context));
    const mayTryAgain = history.unknown < MAX_UNKNOWN && history.tries < MAX_TRIES && outcome.why !== "card_error";
    return mayTryAgain ? again : resolveAfterCancel(again, { why: outcome.why, canceled: again.canceled });
  }
  if ((outcome.kind === "throttled" && history.tries < MAX_TRIES) || isCrowded) {
    // A crowded call was not sent, so it does not count as a try.
    if (isCrowded) history.tries -= 1;
    return creditLostReply(history, await inspectPayment(payment, context));
  }
  return assessedPayment(payment, { outcome, assessment: assessFailure(outcome, context) });
}

/** A payment that is found dead after a cancel whose reply was lost was cancelled by that call. */
function creditLostReply({ unknown }: CancelHistory, again: AssessedPayment): AssessedPayment {
  const isCanceled = again.assessment.kind === "dead" && !again.assessment.why;
  return isCanceled && unknown > 0 ? { ...again, canceled: "ended_reply_lost" } : again;
}

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
 * | complete | inspect again: if it is still cancelable, it cannot be cancelled, and a person must decide |
 */
async function cancelThroughSessions(
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
