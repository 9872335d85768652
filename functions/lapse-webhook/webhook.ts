import type { EventDatabase, EventPaymentRecord, FoundPayment } from "../_shared/database/events.ts";
import { messageOf } from "../_shared/errors.ts";
import { examineOrder } from "../_shared/protocol/examine-order.ts";
import {
  assessRead,
  type InspectContext,
  inspectPayment,
  readPayment,
  type StripeObject,
} from "../_shared/protocol/inspect-payment.ts";
import { createKeyCheck } from "../_shared/protocol/key-check.ts";
import type { AssessedPayment } from "../_shared/rules/assessment.ts";
import { type EventPayment, paymentToRead, type StripeEvent } from "../_shared/rules/events.ts";
import { readNextAction } from "../_shared/rules/next-actions.ts";
import type { ClaimedOrder, ClaimedPayment } from "../_shared/rules/orders.ts";
import { later, policyOf } from "../_shared/rules/policy.ts";
import type { Clock } from "../_shared/run/clock.ts";
import type { EventAnswer, WebhookPorts } from "../_shared/run/webhook.ts";
import type { StripeGateway } from "../_shared/stripe/gateway.ts";
import type { Outcome } from "../_shared/stripe/outcome.ts";

/** Stripe waits longer than this for an answer, and a worker lives longer. */
const CALL_MS = 6_000;

/**
 * Handles one event: finds its payment, reads it from Stripe, assesses it by the rules of the jobs, and records it with the event's id.
 *
 * An event is never evidence. A late, repeated or reordered event therefore leads to the same records, and the next run makes up for a lost
 * one. Nothing is recorded before the payment was read, so Stripe delivers the event again after a crash.
 *
 * @throws DatabaseError when the database does not answer or refuses; Stripe must then deliver the event again.
 */
export async function receiveEvent(event: StripeEvent, ports: WebhookPorts): Promise<EventAnswer> {
  const { database, clockFrom } = ports;
  const payment = paymentToRead(event);
  if (payment === null) return { redeliver: false, code: "ignored" };
  if (event.livemode !== ports.livemode) return { redeliver: false, code: "other_mode" };

  const found = await database.findPayment(event, payment);
  if (found.answer !== "read") return answerWithoutRead(found);
  const clock = clockFrom(found.now);
  if (found.waitSeconds > 0) await clock.sleep(found.waitSeconds * 1_000);
  const gateway = await ports.openStripe({
    clock,
    deadline: later(clock.now(), CALL_MS),
    paymentsPerSecond: found.paymentsPerSecond,
  });
  const askedAt = clock.now();
  const read = await readWithOrder(event, { payment, found, gateway, database });
  if ("redeliver" in read) return read;
  const { stripeId, order, outcome } = read;

  const context: EventContext = {
    order,
    gateway,
    clock,
    policy: policyOf(found.settings),
    metadataKey: found.settings.metadataKey,
  };
  const known = order.payments.find((it) => it.stripeId === stripeId);
  const assessed = assessRead(known ?? unattached(event, stripeId, clock), { ...context, outcome });
  const { assessment } = assessed;
  if (assessment.kind === "unclear" || assessment.kind === "postponed" || assessment.kind === "stop") {
    return { redeliver: true, code: assessment.why };
  }
  const record = recordOf(assessed, outcome.object, { isKnown: known !== undefined, ...context });
  if (record === null) return { redeliver: false, code: "not_ours" };
  if (record.state === "paid") await learnWhoseIntent(event, stripeId, { ...ports, ...context });
  const recorded = await database.recordEvent(event, { ...record, askedAt });
  if (recorded.order !== null) {
    if (recorded.waitSeconds > 0) await clock.sleep(recorded.waitSeconds * 1_000);
    await cancelOthers(event, { ...ports, ...context, order: recorded.order });
  }
  return { redeliver: recorded.result === "outdated", code: recorded.result };
}

type EventContext = Omit<InspectContext, "gateway" | "clock"> & {
  gateway: StripeGateway;
  clock: Clock;
};

type ReadPayment = { stripeId: string; order: ClaimedOrder; outcome: Outcome<StripeObject> & { kind: "object" } };
type Read = Extract<FoundPayment, { answer: "read" }>;

/** Reads the payment and finds its order. Some events do not name the payment, and some payments were never attached: Stripe is asked then. */
async function readWithOrder(
  event: StripeEvent,
  { payment, found, gateway, database }: {
    payment: EventPayment;
    found: Read;
    gateway: StripeGateway;
    database: EventDatabase;
  },
): Promise<ReadPayment | EventAnswer> {
  const { account } = event;
  let { stripeId, order } = found;
  if (stripeId === null) {
    const named = await gateway.intentOf({ id: payment.through ?? "", account });
    // The key lacks a permission, for example for disputes, so another delivery would fail as well. The event changes no order.
    if (named.kind === "stop" && named.why === "permission_denied") return { redeliver: false, code: named.why };
    if (named.kind !== "object") return answerToFailedRead(named);
    if (named.object.intent === null) return { redeliver: false, code: "names_no_payment" };
    const refound = await database.findPayment(event, { ...payment, id: named.object.intent }, true);
    if (refound.answer !== "read") return answerWithoutRead(refound);
    ({ stripeId, order } = refound);
  }
  const outcome = await readPayment({ stripeId: stripeId ?? "", account }, gateway);
  if (outcome.kind !== "object") return answerToFailedRead(outcome);
  if (order === null) {
    const { metadata, client_reference_id } = { client_reference_id: null, ...outcome.object };
    const refound = await database.findPayment(event, { ...payment, marks: { metadata, client_reference_id } }, true);
    if (refound.answer !== "read") return answerWithoutRead(refound);
    ({ order } = refound);
  }
  if (order === null) return { redeliver: false, code: "names_no_order" };
  return { stripeId: outcome.object.id, order, outcome };
}

function answerWithoutRead({ answer, why }: Exclude<FoundPayment, { answer: "read" }>): EventAnswer {
  return { redeliver: answer === "locked" || answer === "unknown", code: why ?? answer };
}

/** A payment that this key cannot see belongs to another account. Other failures are worth another delivery. */
function answerToFailedRead(outcome: Exclude<Outcome<unknown>, { kind: "object" }>): EventAnswer {
  if (outcome.kind !== "quarantine") return { redeliver: true, code: "why" in outcome ? outcome.why : outcome.kind };
  return { redeliver: outcome.why !== "payment_not_found" && outcome.why !== "account_access_lost", code: outcome.why };
}

/** A payment that was not attached. It belongs to the order only if its metadata at Stripe names the order. */
function unattached({ account }: StripeEvent, id: string, clock: Clock): ClaimedPayment {
  const kind = id.startsWith("cs_") ? "checkout_session" : "payment_intent";
  const attachedAt = clock.now();
  return {
    stripeId: id,
    kind,
    account,
    state: "open",
    source: "client",
    reason: null,
    receivedAmount: null,
    intent: null,
    attachedAt,
  };
}

/** The record of a payment; null if it does not belong to this shop. */
function recordOf(
  { payment, assessment, evidence }: AssessedPayment,
  object: StripeObject,
  { order, clock, isKnown }: Pick<EventContext, "order" | "clock"> & { isKnown: boolean },
): Omit<EventPaymentRecord, "askedAt"> | null {
  const { stripeId, account } = payment;
  const record = { ref: order.ref, stripeId, account, state: "open", reason: null, evidence, holdUntil: null } as const;
  switch (assessment.kind) {
    case "paid": {
      const { amountReceived, currency } = assessment;
      // Money in another currency does not pay the order. At the deadline a run finds it, and a person decides.
      const isForeign = order.currency !== null && currency !== null && currency !== order.currency;
      if (isForeign) return { ...record, reason: "amount_mismatch" };
      return { ...record, state: "paid", reason: "paid", evidence: { ...evidence, amount_received: amountReceived } };
    }
    case "dead":
      return { ...record, state: "dead", reason: assessment.why ?? "already_dead" };
    case "wait":
      // The order's one grace is granted by the run that would cancel the payment. Until then it is just unpaid.
      if (assessment.why === "customer_action") return record;
      return {
        ...record,
        reason: assessment.why,
        holdUntil: assessment.why === "voucher_open" ? expiryOf(object, clock) : null,
      };
    case "quarantine":
      if (!isKnown && (assessment.why === "foreign_payment" || assessment.why === "wrong_mode")) return null;
      return { ...record, reason: assessment.why };
    default:
      return record;
  }
}

/** When the customer's voucher expires; null if it has no expiry or has expired. */
function expiryOf(object: StripeObject, clock: Clock): Date | null {
  const intent = object.object === "payment_intent" ? object : object.payment_intent;
  const action = intent === null || typeof intent === "string" ? null : readNextAction(intent.next_action);
  if (action?.class !== "voucher" || action.expiresAt === null) return null;
  return action.expiresAt > clock.now() ? action.expiresAt : null;
}

/**
 * Reads the paid sessions of the order whose intent was not recorded, before another intent is recorded as paid: it may be theirs. One
 * payment would otherwise look like two, and an alert would ask a person to compare them.
 */
async function learnWhoseIntent(event: StripeEvent, id: string, context: WebhookPorts & EventContext): Promise<void> {
  if (!id.startsWith("pi_")) return;
  const inDoubt = context.order.payments
    .filter(({ kind, state, intent }) => kind === "checkout_session" && state === "paid" && intent === null);
  for (const session of inDoubt) {
    const askedAt = context.clock.now();
    const { assessment, ownIntent, evidence } = await inspectPayment(session, context);
    if (assessment.kind !== "paid" || ownIntent === null) continue;
    const { stripeId, account } = session;
    const known = {
      ref: context.order.ref,
      stripeId,
      account,
      state: "paid",
      reason: "paid",
      evidence,
      holdUntil: null,
      askedAt,
    } as const;
    await context.database.recordEvent({ ...event, id: null }, known);
  }
}

/** Cancels the other payments of a paid order, which can only do harm. If that fails, the next run does it, because they are due. */
async function cancelOthers(event: StripeEvent, context: WebhookPorts & EventContext): Promise<void> {
  const { clock, database, log, order: { ref, payments } } = context;
  const askedAt = clock.now();
  try {
    const { decision } = await examineOrder(context.order, {
      ...context,
      // An event is handled once, so no key is used twice.
      idempotencyScope: `webhook:${event.id}`,
      dryRun: false,
      keyCheck: createKeyCheck({ isProven: true }),
    });
    for (const { stripeId, state, reason, evidence } of decision?.payments ?? []) {
      if (state === "open") continue;
      const account = accountOf(payments, stripeId);
      await database.recordEvent({ ...event, id: null }, {
        ref,
        stripeId,
        account,
        state,
        reason,
        evidence,
        holdUntil: null,
        askedAt,
      });
    }
  } catch (error) {
    log.error("others_left", { ref, error: messageOf(error) });
  }
}

function accountOf(payments: ClaimedOrder["payments"], id: string): string {
  return payments.find(({ stripeId }) => stripeId === id)?.account ?? "";
}
