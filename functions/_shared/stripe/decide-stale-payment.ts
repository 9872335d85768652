import type { StalePayment, StalePaymentDecision } from "../payments.ts";
import type { CleanupReason } from "./cleanup-reasons.ts";
import type { Finding, Standing } from "./finding.ts";
import { nextLook } from "./next-look.ts";

export type StaleFinding = { payment: StalePayment; finding: Finding };

/** What became of a payment that could be ended and was not. `would_end`: a dry run. */
export type LeftAlone = "would_end" | "limit_reached" | "brake";

/**
 * Decides about one payment from where it stands at Stripe and what the database knows. Null: all is well, or it is the other
 * job's; nothing to write, nothing to tell.
 *
 * | stands | order open (pending, expiring, set aside) | order paid | order expired or absent |
 * | --- | --- | --- | --- |
 * | paid | settle the order as paid; short of its amount: kept, alert; beside an open session: left to the other job | by this payment: nothing; else a second payment | late payment |
 * | dead | recorded by the other job | recorded | recorded |
 * | cancelable | left to the other job | ended | ended |
 * | wait | left to the other job | kept, looked at again | kept, looked at again |
 * | quarantine | left to the operator | kept, alert | kept, alert |
 * | unclear | kept, tried again | kept, tried again | kept, tried again |
 *
 * A payment that the other job does not know of, because the shop never recorded it, goes on the revisit list while its order
 * is open: no other look would ever find it.
 */
export function decideStalePayment(
  { payment, finding }: StaleFinding,
  { now, leftAlone }: { now: Date; leftAlone: LeftAlone | null },
): StalePaymentDecision | null {
  const { standing } = finding;
  const decide = decisionsAbout(payment, finding);
  switch (standing.kind) {
    case "paid":
      return decidePaid({ payment, finding }, { standing, now });
    case "dead":
      if (finding.ended) return decide("canceled", finding.ended);
      if (payment.listed?.ending) return decide("canceled", "ended_earlier");
      if (payment.listed || (isClosed(payment) && payment.recordedState === "open")) {
        return decide("found_dead", "already_dead");
      }
      return null;
    case "cancelable":
      if (!isClosed(payment)) return waitForOrder({ payment, finding }, now);
      return leaveAlone({ payment, finding }, { end: standing.end, leftAlone, now });
    case "wait":
      if (standing.why === "out_of_time" || standing.why === "throttled") {
        return decide("deferred", standing.why, { nextLookAt: now });
      }
      if (!isClosed(payment)) return waitForOrder({ payment, finding }, now);
      return decide("kept", standing.why, { nextLookAt: nextLook("protected", { now, until: standing.until }) });
    case "quarantine":
      // Whose it is could not be read before; now it can, and it is not ours.
      if (payment.orderId === null && standing.why === "foreign_payment") {
        return payment.listed ? decide("unlisted", "foreign_payment") : null;
      }
      if (!isClosed(payment)) return waitForOrder({ payment, finding }, now);
      return decide("kept", standing.why, { nextLookAt: nextLook("puzzling", { now, payment }), alert: true });
    case "unclear":
      return decide("kept", standing.why, {
        nextLookAt: nextLook("unclear", { now, payment, until: standing.notBefore }),
      });
    case "stop":
      return decide("deferred", "run_stopped", { nextLookAt: now });
  }
}

/** Whether the payment may be ended: nobody waits for it any more. */
export function isClosed({ order }: StalePayment): boolean {
  return order === null || order.status === "paid" ||
    order.status === "expired";
}

function decidePaid(
  { payment, finding }: StaleFinding,
  { standing, now }: {
    standing: Extract<Standing, { kind: "paid" }>;
    now: Date;
  },
): StalePaymentDecision | null {
  const decide = decisionsAbout(payment, finding);
  const { order, recordedState, listed } = payment;
  if (order === null) return decide("late_payment", "order_absent");
  switch (order.status) {
    case "expired":
      return decide("late_payment", "order_expired");
    case "paid":
      if (recordedState === "dead") {
        return decide("kept", "dead_record_contradicted", { alert: true });
      }
      if (recordedState === "open") {
        return decide("found_paid", payment.paidBy.length > 0 ? "paid_twice" : "paid");
      }
      // An intent that the shop never recorded belongs to the Checkout Session that paid the order: the shop knows the session.
      if (recordedState === null && payment.paidBy.includes(payment.kind)) {
        return decide("found_paid", "paid_twice");
      }
      return listed ? decide("unlisted", "paid") : null;
    default: {
      // Most likely the open session's own intent. Settled by it, the order would look paid twice once the session is looked at:
      // the other job finds the session paid, and this payment is looked at again.
      if (recordedState === null && payment.openSession) return waitForOrder({ payment, finding }, now);
      const covers = standing.currency === order.currency &&
        standing.amountReceived >= order.amount;
      if (covers) return decide("paid", "paid");
      return decide("kept", "amount_mismatch", { nextLookAt: nextLook("puzzling", { now, payment }), alert: true });
    }
  }
}

/** The order is open: its own job looks after the payments it knows. */
function waitForOrder({ payment, finding }: StaleFinding, now: Date): StalePaymentDecision | null {
  const decide = decisionsAbout(payment, finding);
  if (payment.recordedState !== null) {
    return payment.listed ? decide("unlisted", "order_open") : null;
  }
  return decide("deferred", "order_open", { nextLookAt: nextLook("order_open", { now, payment }) });
}

function leaveAlone(
  { payment, finding }: StaleFinding,
  { end, leftAlone, now }: {
    end: "cancel_intent" | "expire_session";
    leftAlone: LeftAlone | null;
    now: Date;
  },
): StalePaymentDecision {
  const decide = decisionsAbout(payment, finding);
  switch (leftAlone) {
    case "would_end":
      return decide("kept", end === "cancel_intent" ? "would_cancel" : "would_expire_session");
    case null:
      throw new Error(`Cannot decide about ${payment.stripeId} as nobody tried to end it: current value is cancelable`);
    default:
      return decide("deferred", leftAlone, { nextLookAt: now });
  }
}

function decisionsAbout(payment: StalePayment, { evidence }: Finding) {
  const { kind, stripeId, stripeAccount, orderId } = payment;
  return (
    outcome: StalePaymentDecision["outcome"],
    reason: CleanupReason,
    more: { nextLookAt?: Date; alert?: boolean } = {},
  ): StalePaymentDecision => ({
    kind,
    stripeId,
    stripeAccount,
    orderId,
    outcome,
    reason,
    nextLookAt: more.nextLookAt ?? null,
    alert: more.alert ?? false,
    evidence,
  });
}
