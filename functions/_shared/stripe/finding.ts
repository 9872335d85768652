import type { ClaimedOrder, ClaimedPayment, PaymentEvidence } from "../orders.ts";
import { capturesByHand } from "./captures-by-hand.ts";
import { evidenceOf, intentIdOf } from "./evidence.ts";
import type { StripeGateway } from "./gateway.ts";
import type { StripeIntent, StripeSession } from "./objects.ts";
import { type Outcome, outcomeOf } from "./outcome.ts";
import { later, type VerdictPolicy } from "./policy.ts";
import type { Reason } from "./reasons.ts";
import type { Reply } from "./reply.ts";
import { judgeIntent, type Verdict, type VerdictContext } from "./verdict.ts";
import { isExpanded, judgeSession } from "./verdict-session.ts";

/** Where a payment stands after asking Stripe: a verdict, or none. */
export type Standing =
  | Verdict
  /** No verdict this time: a failed attempt. `notBefore`: the earliest moment to try again. */
  | { kind: "unclear"; why: Reason; notBefore?: Date }
  /** The whole run has to stop. */
  | { kind: "stop"; why: Reason };

/** What this run knows about one payment. */
export type Finding = {
  payment: ClaimedPayment;
  standing: Standing;
  /** How this run ended it; null when it did not. */
  ended: Extract<Reason, "ended_by_run" | "ended_reply_lost"> | null;
  evidence: PaymentEvidence;
  /** Of a Checkout Session: the id of its own intent, as soon as it has one. */
  ownIntent: string | null;
  /** An intent that Stripe would cancel although its customer authorised it since: looked at again right before its cancel. */
  capturesByHand: boolean;
};

export type LookContext = {
  order: Pick<ClaimedOrder, "id" | "attempt" | "amount" | "currency">;
  gateway: StripeGateway;
  policy: VerdictPolicy;
  clock: () => Date;
};

/** Asks Stripe about one payment and judges the answer. */
export async function lookAt(payment: ClaimedPayment, context: LookContext): Promise<Finding> {
  const { gateway } = context;
  const ref = { id: payment.stripeId, account: payment.stripeAccount };
  if (payment.kind === "payment_intent") {
    const reply = await gateway.readIntent(ref);
    const judge = (intent: StripeIntent) => judgeIntent(intent, verdictContext(payment, context));
    return findingOf(payment, { reply, standing: standingOf(outcomeOf(reply, "read"), { judge, ...context }) });
  }
  const reply = await gateway.readSession(ref);
  const judge = (session: StripeSession) => judgeExpanded(session, verdictContext(payment, context));
  return findingOf(payment, { reply, standing: standingOf(outcomeOf(reply, "read"), { judge, ...context }) });
}

/** What a verdict on this payment takes into account beside Stripe's answer. */
export function verdictContext(
  payment: Pick<ClaimedPayment, "graceUntil">,
  { order, gateway, policy, clock }: LookContext,
): VerdictContext {
  return { order, payment, now: clock(), policy, livemode: gateway.livemode };
}

/** A session whose intent is not expanded proves nothing about the money. */
export function judgeExpanded(session: StripeSession, context: VerdictContext): Standing {
  return isExpanded(session) ? judgeSession(session, context) : { kind: "unclear", why: "bad_reply" };
}

/** What an outcome means for the payment when nothing more is asked. */
export function standingOf<T>(
  outcome: Outcome<T>,
  { judge, policy, clock }: { judge: (object: T) => Standing; policy: VerdictPolicy; clock: () => Date },
): Standing {
  switch (outcome.kind) {
    case "object":
      return judge(outcome.object);
    case "busy":
      return { kind: "unclear", why: "object_busy", notBefore: later(clock(), policy.busyPause) };
    case "throttled":
      // Not executed, and not this order's fault: it must not use up its attempts.
      return { kind: "wait", why: "throttled", until: later(clock(), policy.throttledRecheck) };
    case "out_of_time":
      return { kind: "wait", why: "out_of_time", until: clock() };
    case "unknown":
      return { kind: "unclear", why: outcome.why };
    case "reread":
    case "owned_by_checkout":
      return { kind: "unclear", why: "end_refused" };
    case "quarantine":
    case "stop":
      return outcome;
  }
}

/** Puts a finding together, and holds it against what the database had recorded. */
export function findingOf(
  payment: ClaimedPayment,
  { reply, standing, ended = null }: {
    reply: Reply<StripeIntent | StripeSession>;
    standing: Standing;
    ended?: Finding["ended"];
  },
): Finding {
  const contradicted = payment.state === "paid" && (standing.kind === "dead" || standing.kind === "cancelable");
  const ownIntent = payment.kind === "checkout_session" ? intentIdOf(reply) : null;
  return {
    payment,
    standing: contradicted ? { kind: "quarantine", why: "paid_record_contradicted" } : standing,
    ended,
    evidence: { ...evidenceOf(reply), ...(ownIntent === null ? {} : { intent: ownIntent }) },
    ownIntent,
    capturesByHand: reply.ok && reply.object.object === "payment_intent" && capturesByHand(reply.object),
  };
}
