import type { StripeIntent, StripeSession } from "../stripe/objects.ts";
import type { AssessContext, PaymentAssessment } from "./assessment.ts";
import { assessIntent, graceForCustomer } from "./assess-intent.ts";
import { checkOwnership } from "./ownership.ts";
import { later } from "./policy.ts";

/** Stripe's limit for a session's lifetime, in milliseconds. */
const MAX_SESSION = 24 * 3_600_000;

/**
 * Assesses a Checkout Session together with its own intent. The intent holds the money, so its verdict counts first. The session adds
 * whether the customer can still confirm it.
 *
 * | session | its intent | assessment |
 * | --- | --- | --- |
 * | any | only its id is known | unclear: nothing is proven about the money |
 * | of another mode or another order | any | quarantine |
 * | mode other than payment | any | quarantine |
 * | any | paid, wait or quarantine, or dead because it was refunded | the intent's |
 * | not complete, recoverable | none, dead or cancelable | quarantine: once it expires, the customer can pay an unattached copy |
 * | open | none, dead or cancelable | cancelable: expire the session |
 * | expired | none or dead | dead |
 * | expired | cancelable | cancelable: the intent itself (Stripe cancels it, but not always at once) |
 * | complete, no_payment_required | none | paid, amount 0 |
 * | complete, paid | none | paid, amount_total |
 * | complete, paid | dead or cancelable | quarantine: the two contradict each other |
 * | complete, unpaid | dead | dead: a complete session cannot be used again |
 * | complete, unpaid | none | wait |
 * | complete, unpaid | cancelable | one grace (it may be about to be processed), then cancelable: the intent |
 * | anything else | | quarantine |
 */
export function assessSession(session: StripeSession, context: AssessContext): PaymentAssessment {
  if (typeof session.payment_intent === "string") return { kind: "unclear", why: "bad_reply" };
  const foreign = checkOwnership(session, context);
  if (foreign) return { kind: "quarantine", why: foreign };
  if (session.mode !== "payment") return { kind: "quarantine", why: "unsupported_session" };

  const intent = session.payment_intent && assessIntentOfSession(session.payment_intent, context);
  if (intent && intent.kind !== "cancelable" && (intent.kind !== "dead" || intent.why)) return intent;
  if (isRecoverable(session, context)) return { kind: "quarantine", why: "session_recoverable" };
  switch (session.status) {
    case "open":
      return { kind: "cancelable", call: "expire_session", id: session.id };
    case "expired":
      return intent ?? { kind: "dead" };
    case "complete":
      return assessComplete(session, { intent, context });
    default:
      return { kind: "quarantine", why: "unknown_status" };
  }
}

/** Assesses a session's intent. The session proves whose it is: its own metadata is optional, but must not name another order. */
export function assessIntentOfSession(intent: StripeIntent, context: AssessContext): PaymentAssessment {
  return assessIntent(intent, { ...context, payment: { source: "server" } });
}

/**
 * Whether the customer can pay a copy of the session. Stripe creates the recovery URL when the session expires, so expiring it makes it
 * payable again. A copy that is opened at the last moment lives as long as any session.
 */
function isRecoverable({ status, after_expiration }: StripeSession, { now }: AssessContext): boolean {
  const recovery = after_expiration?.recovery;
  if (!recovery?.enabled || status === "complete") return false;
  return recovery.expires_at == null || now < later(new Date(recovery.expires_at * 1_000), MAX_SESSION);
}

function assessComplete(
  session: StripeSession,
  { intent, context }: { intent: PaymentAssessment | null; context: AssessContext },
): PaymentAssessment {
  switch (session.payment_status) {
    case "paid":
    case "no_payment_required": {
      if (intent) return { kind: "quarantine", why: "session_contradicts" };
      const amountReceived = session.payment_status === "paid" ? session.amount_total ?? 0 : 0;
      return { kind: "paid", amountReceived, currency: session.currency ?? null };
    }
    case "unpaid":
      if (!intent) {
        return { kind: "wait", until: later(context.now, context.policy.processingRecheck), why: "session_settling" };
      }
      return intent.kind === "cancelable" ? graceForCustomer(context) ?? intent : intent;
    default:
      return { kind: "quarantine", why: "unknown_status" };
  }
}
