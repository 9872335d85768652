import type { StripeIntent, StripeSession } from "./objects.ts";
import { later } from "./policy.ts";
import {
  graceForCustomer,
  judgeOwnIntent,
  quarantineOfStranger,
  type Verdict,
  type VerdictContext,
} from "./verdict.ts";

/** Stripe's limit for `expires_at`, in milliseconds. */
const LONGEST_SESSION = 24 * 3_600_000;

/** A session whose intent is known: null before the customer confirms, else expanded. */
export type ExpandedSession = StripeSession & { payment_intent: StripeIntent | null };

/** Whether the session's intent came along, so that the session can be judged at all. */
export function isExpanded(session: StripeSession): session is ExpandedSession {
  return typeof session.payment_intent !== "string";
}

/**
 * Judges a Checkout Session together with its own intent. The intent decides wherever it has something to say, because
 * it holds the money; the session adds what the intent cannot know: that nobody can confirm any more.
 *
 * | session | its intent | verdict |
 * | --- | --- | --- |
 * | of another mode, or not this order's | any | quarantine |
 * | mode other than payment | any | quarantine |
 * | any | paid, wait or quarantine | the intent's |
 * | not complete, recoverable | none, dead or cancelable | quarantine: once it expires, the customer can open a copy that nobody attached |
 * | open | none, dead or cancelable | cancelable: expire the session |
 * | expired | none or dead | dead |
 * | expired | cancelable | cancelable: the intent itself (Stripe closes it, not always at once) |
 * | complete, no_payment_required | none | paid, amount 0 |
 * | complete, paid | none | paid, amount_total |
 * | complete, paid | dead or cancelable | quarantine: the two contradict each other |
 * | complete, unpaid | dead | dead: a complete session cannot be used again |
 * | complete, unpaid | none | wait |
 * | complete, unpaid | cancelable | one grace (it may just be on its way to processing), then cancelable: the intent |
 * | anything else | | quarantine |
 */
export function judgeSession(session: ExpandedSession, context: VerdictContext): Verdict {
  const stranger = quarantineOfStranger(session, context);
  if (stranger) return stranger;
  if (session.mode !== "payment") return { kind: "quarantine", why: "unsupported_session" };

  const intent = judgeIntentOfSession(session.payment_intent, context);
  if (intent && intent.kind !== "dead" && intent.kind !== "cancelable") return intent;
  if (isRecoverable(session, context)) return { kind: "quarantine", why: "session_recoverable" };
  switch (session.status) {
    case "open":
      return { kind: "cancelable", end: "expire_session", id: session.id };
    case "expired":
      return intent ?? { kind: "dead" };
    case "complete":
      return judgeComplete(session, { intent, context });
    default:
      return { kind: "quarantine", why: "unknown_status" };
  }
}

/** The session proves whose the intent is; metadata of its own is optional, but must not name another order. */
function judgeIntentOfSession(intent: StripeIntent | null, context: VerdictContext): Verdict | null {
  if (!intent) return null;
  const orderId = intent.metadata.order_id ?? context.order.id;
  const stranger = quarantineOfStranger({ ...intent, metadata: { order_id: orderId } }, context);
  return stranger ?? judgeOwnIntent(intent, context);
}

/**
 * Whether the customer can still pay for a copy of it: Stripe makes the recovery URL when the session expires, so ending it makes it
 * payable again. Opened in its last second, the copy lives as long as any session.
 */
function isRecoverable({ status, after_expiration }: ExpandedSession, { now }: VerdictContext): boolean {
  const recovery = after_expiration?.recovery;
  if (!recovery?.enabled || status === "complete") return false;
  return recovery.expires_at == null || now < later(new Date(recovery.expires_at * 1000), LONGEST_SESSION);
}

function judgeComplete(
  session: ExpandedSession,
  { intent, context }: { intent: Verdict | null; context: VerdictContext },
): Verdict {
  switch (session.payment_status) {
    case "paid":
    case "no_payment_required":
      if (intent) return { kind: "quarantine", why: "session_contradicts" };
      return {
        kind: "paid",
        amountReceived: session.payment_status === "paid" ? session.amount_total ?? 0 : 0,
        // A session without a currency charged nothing; the order's own lets a free order through.
        currency: session.currency ?? context.order.currency,
      };
    case "unpaid":
      if (!intent) {
        return { kind: "wait", until: later(context.now, context.policy.processingRecheck), why: "session_settling" };
      }
      return intent.kind === "cancelable" ? graceForCustomer(context) ?? intent : intent;
    default:
      return { kind: "quarantine", why: "unknown_status" };
  }
}
