import { assessIntent } from "../rules/assess-intent.ts";
import { assessSession } from "../rules/assess-session.ts";
import type { AssessContext, AssessedPayment, PaymentAssessment } from "../rules/assessment.ts";
import type { ClaimedOrder, ClaimedPayment, PaymentEvidence } from "../rules/orders.ts";
import { later, type Policy } from "../rules/policy.ts";
import type { StripeGateway } from "../stripe/gateway.ts";
import type { StripeIntent, StripeSession } from "../stripe/objects.ts";
import type { Outcome } from "../stripe/outcome.ts";

export type InspectContext = {
  order: ClaimedOrder;
  gateway: Pick<
    StripeGateway,
    "livemode" | "readIntent" | "readSession" | "cancelIntent" | "expireSession" | "sessionsOfIntent"
  >;
  policy: Policy;
  clock: { now(): Date };
  /** The key of Stripe's metadata that names the order. */
  metadataKey: string;
};

/** Asks Stripe about one payment and assesses the answer. */
export async function inspectPayment(payment: ClaimedPayment, context: InspectContext): Promise<AssessedPayment> {
  return assessRead(payment, { outcome: await readPayment(payment, context.gateway), ...context });
}

/** Reads one payment. */
export function readPayment(
  { stripeId: id, account }: Pick<ClaimedPayment, "stripeId" | "account">,
  gateway: Pick<StripeGateway, "readIntent" | "readSession">,
): Promise<Outcome<StripeObject>> {
  return id.startsWith("cs_") ? gateway.readSession({ id, account }) : gateway.readIntent({ id, account });
}

/** Assesses what a read of the payment returned. */
export function assessRead(
  payment: ClaimedPayment,
  { outcome, ...context }: InspectContext & { outcome: Outcome<StripeObject> },
): AssessedPayment {
  if (outcome.kind !== "object") {
    return assessedPayment(payment, { outcome, assessment: assessFailure(outcome, context) });
  }
  const { object } = outcome;
  const known = assessContext(payment, context);
  const assessment = object.object === "payment_intent" ? assessIntent(object, known) : assessSession(object, known);
  return assessedPayment(payment, { outcome, assessment });
}

/** What the assessment of this payment takes into account besides Stripe's answer. */
export function assessContext(payment: Pick<ClaimedPayment, "source">, context: InspectContext): AssessContext {
  const { order, policy, metadataKey, gateway: { livemode }, clock } = context;
  return { order, payment, metadataKey, livemode, policy, now: clock.now() };
}

/** Assesses an outcome without an object. */
export function assessFailure(
  outcome: Exclude<Outcome<unknown>, { kind: "object" }>,
  { policy, clock }: Pick<InspectContext, "policy" | "clock">,
): PaymentAssessment {
  switch (outcome.kind) {
    case "refused":
      return { kind: "unclear", why: "end_refused" };
    case "busy":
      return { kind: "unclear", why: "object_busy", notBefore: later(clock.now(), policy.busyPause) };
    case "throttled":
      // Not executed, and not this order's fault, so it must not count as a failed attempt.
      return { kind: "postponed", why: "throttled", until: later(clock.now(), policy.throttledRecheck) };
    case "unsent":
      return { kind: "postponed", why: "out_of_time", until: clock.now() };
    case "unknown":
      return { kind: "unclear", why: outcome.why };
    case "quarantine":
      return { kind: "quarantine", why: outcome.why };
    case "stop":
      return { kind: "stop", why: outcome.why };
  }
}

/** Combines what is known of a payment. An assessment that contradicts money in the ledger quarantines it. */
export function assessedPayment(
  payment: ClaimedPayment,
  { outcome, assessment, canceled = null }: {
    outcome: Outcome<StripeObject>;
    assessment: PaymentAssessment;
    canceled?: AssessedPayment["canceled"];
  },
): AssessedPayment {
  const isContradicted = payment.state === "paid" &&
    (assessment.kind === "cancelable" || (assessment.kind === "dead" && !assessment.why));
  const ownIntent = payment.kind === "checkout_session" ? intentIdOf(outcome) : null;
  return {
    payment,
    assessment: isContradicted ? { kind: "quarantine", why: "paid_record_contradicted" } : assessment,
    canceled,
    evidence: { ...evidenceOf(outcome), ...(ownIntent === null ? {} : { intent: ownIntent }) },
    ownIntent,
  };
}

export type StripeObject = StripeIntent | StripeSession;
type Facts = { [key in keyof PaymentEvidence]: PaymentEvidence[key] | null | undefined };

/** The part of an outcome that may be kept as evidence: no client_secret and no personal data. */
function evidenceOf(outcome: Outcome<StripeObject>): PaymentEvidence {
  const object = objectOf(outcome);
  const { requestId, httpStatus, errorCode } = outcome.trace;
  return withoutNulls({
    ...(object === null ? {} : factsOf(object)),
    request_id: requestId,
    http_status: httpStatus,
    error_code: errorCode,
  });
}

/** The id of the intent in the outcome of a call for a session: the session's own, or the one that was cancelled instead. */
function intentIdOf(outcome: Outcome<StripeObject>): string | null {
  const object = objectOf(outcome);
  if (object === null) return null;
  if (object.object === "payment_intent") return object.id;
  return typeof object.payment_intent === "string" ? object.payment_intent : object.payment_intent?.id ?? null;
}

function objectOf(outcome: Outcome<StripeObject>): StripeObject | null {
  return outcome.kind === "object" || outcome.kind === "refused" ? outcome.object : null;
}

function factsOf(object: StripeObject): Facts {
  if (object.object === "payment_intent") {
    return {
      object: "payment_intent",
      status: object.status,
      amount: object.amount,
      amount_received: object.amount_received,
      currency: object.currency,
      cancellation_reason: object.cancellation_reason,
      next_action: object.next_action?.type,
      ...chargeFactsOf(object),
    };
  }
  const intent = typeof object.payment_intent === "string" ? null : object.payment_intent;
  return {
    object: "checkout_session",
    status: object.status,
    payment_status: object.payment_status,
    amount: object.amount_total,
    currency: object.currency,
    intent_status: intent?.status,
    amount_received: intent?.amount_received,
    cancellation_reason: intent?.cancellation_reason,
    next_action: intent?.next_action?.type,
    ...(intent ? chargeFactsOf(intent) : {}),
  };
}

function chargeFactsOf({ amount_received, latest_charge: charge }: StripeIntent): Facts {
  if (amount_received === 0 || typeof charge !== "object" || charge === null) return {};
  return { amount_refunded: charge.amount_refunded, disputed: charge.disputed || null };
}

function withoutNulls(facts: Facts): PaymentEvidence {
  const kept: { [key: string]: unknown } = {};
  for (const [key, value] of Object.entries(facts)) if (value !== null && value !== undefined) kept[key] = value;
  return kept;
}
