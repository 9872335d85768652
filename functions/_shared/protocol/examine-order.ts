import type { AssessedAs, AssessedPayment } from "../rules/assessment.ts";
import { decisionOf, failedDecision } from "../rules/decision-of.ts";
import type { ClaimedOrder, ClaimedPayment, OrderDecision } from "../rules/orders.ts";
import type { Reason } from "../rules/reasons.ts";
import { intentsInDoubt, resolveClosedOrder, sessionsInDoubt } from "../rules/resolve-closed-order.ts";
import { type OrderStep, resolveOrder } from "../rules/resolve-order.ts";
import { type CancelContext, type CancelHistory, cancelPayment } from "./cancel-payment.ts";
import { inspectPayment } from "./inspect-payment.ts";
import { isKeyProven, type KeyCheck, learnFrom } from "./key-check.ts";

/** Running out of time counts as a failed attempt of an order once Stripe has answered about this many of its payments. */
const MANY_PAYMENTS = 10;

export type ExamineContext = Omit<CancelContext, "order"> & { dryRun: boolean; keyCheck: KeyCheck };

/** `decision` null: nothing was learned, so the order is handed back. `stop`: why the whole run must stop. Both can be set. */
export type ExaminedOrder = { decision: OrderDecision | null; stop: Reason | null };

/**
 * Examines one order: inspects every payment that is not known to be dead, resolves the order's next step, and only then cancels what may
 * be cancelled, one payment after the other. It resolves the next step again after each cancel.
 *
 * A cancel would undo what the customer did since the inspection, so a payment is cancelled right after it was inspected. The payment that
 * was inspected last is cancelled first, and each other one is inspected again before it is cancelled.
 * What was learned is kept even if time runs out or the run stops midway.
 */
export async function examineOrder(claimed: ClaimedOrder, context: ExamineContext): Promise<ExaminedOrder> {
  const { clock, policy, keyCheck, dryRun } = context;
  const assessed = new Map<string, AssessedPayment>();
  const histories = new Map<string, CancelHistory>();
  const state: {
    order: ClaimedOrder;
    /** The payment that was inspected last, which may be cancelled without another inspection. */
    latest: string | null;
    stop: Reason | null;
  } = { order: claimed, latest: null, stop: null };

  async function inspect(payment: ClaimedPayment): Promise<AssessedPayment> {
    const result = await inspectPayment(payment, { ...context, order: state.order });
    learnFrom(result, { order: claimed, keyCheck });
    return record(result);
  }
  async function cancel(target: AssessedAs<"cancelable">): Promise<void> {
    const { stripeId } = target.payment;
    const history = histories.get(stripeId) ?? { tries: 0, unknown: 0 };
    histories.set(stripeId, history);
    record(await cancelPayment(target, { ...context, order: state.order, history }));
  }
  function record(result: AssessedPayment): AssessedPayment {
    const { payment: { stripeId }, assessment } = result;
    state.latest = stripeId;
    // The grace is granted once for the whole order, not for each payment.
    if (assessment.kind === "wait" && assessment.grants) state.order = { ...claimed, graceUntil: assessment.grants };
    if (assessment.kind === "stop") state.stop = assessment.why;
    const kept: AssessedPayment = assessment.kind === "stop"
      ? { ...result, assessment: { kind: "postponed", why: "run_stopped", until: clock.now() } }
      : result;
    assessed.set(stripeId, kept);
    return kept;
  }
  const sorted = () => [...assessed.values()].toSorted((a, b) => a.payment.stripeId < b.payment.stripeId ? -1 : 1);
  function nextStep(): OrderStep {
    const payments = sorted();
    const closed = { now: clock.now(), policy, keyProven: isKeyProven(keyCheck) };
    return claimed.status === "open" ? resolveOrder(claimed, payments) : resolveClosedOrder(claimed, payments, closed);
  }

  for (const payment of paymentsToInspect(claimed)) {
    if (state.stop === null) await inspect(payment);
  }
  for (const session of sessionsInDoubt(claimed, sorted())) {
    if (state.stop !== null) break;
    for (const intent of intentsInDoubt(await inspect(session), sorted())) {
      assessed.set(intent.payment.stripeId, intent);
    }
  }
  let step = nextStep();
  while (step.cancel.length > 0 && state.stop === null && !dryRun) {
    const next = step.cancel.find(({ payment }) => payment.stripeId === state.latest) ?? step.cancel[0]!;
    if (next.payment.stripeId === state.latest) await cancel(next);
    else await inspect(next.payment);
    step = nextStep();
  }

  const payments = sorted();
  const { order: { graceUntil }, stop } = state;
  const grants = graceUntil !== null && graceUntil !== claimed.graceUntil ? { graceUntil } : null;
  const isLeft = step.reason === "out_of_time" || step.reason === "run_stopped";
  const hasLearned = !isLeft || step.outcome !== "handed_back" || grants !== null ||
    payments.some(({ assessment }) => assessment.kind === "dead" || assessment.kind === "paid");
  if (!hasLearned) {
    // If it were handed back, an order with this many payments would use up every later run as well.
    const answered = payments.filter(({ assessment }) => assessment.kind !== "postponed").length;
    const isTooLarge = step.reason === "out_of_time" && answered >= MANY_PAYMENTS;
    return { decision: isTooLarge ? failedDecision(claimed, "out_of_time") : null, stop };
  }
  const known = { step, payments, dryRun, policy, now: clock.now(), keyProven: isKeyProven(keyCheck) };
  return { decision: { ...decisionOf(claimed, known), ...grants }, stop };
}

/**
 * The payments to inspect: the open ones, and the paid ones too unless the order is closed, because they may cover the order.
 *
 * They are sorted by descending id, so that the same payments always lead to the same decision. Sessions then come last and are cancelled
 * first: one that cannot be closed quarantines the order while its intents are still open.
 */
function paymentsToInspect({ status, shopState, payments }: ClaimedOrder): ClaimedPayment[] {
  if (status === "unknown" && shopState === null) return [];
  const isClosed = status !== "open" && status !== "quarantined";
  return payments
    .filter(({ state }) => state === "open" || (state === "paid" && !isClosed))
    .toSorted((a, b) => a.stripeId < b.stripeId ? 1 : -1);
}
