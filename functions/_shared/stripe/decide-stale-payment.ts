import type { StalePayment, StalePaymentDecision } from "../payments.ts";
import type { CleanupReason } from "./cleanup-reasons.ts";
import type { Finding, Standing } from "./finding.ts";
import { nextLook } from "./next-look.ts";
import { isSameMoney } from "./same-money.ts";

export type StaleFinding = {
  payment: StalePayment;
  finding: Finding;
  /** The Checkout Sessions that the intent belongs to; only where the decision hung on it and Stripe was asked. */
  sessions?: string[];
};

/** What became of a payment that could be ended and was not. `would_end`: a dry run. */
export type LeftAlone = "would_end" | "limit_reached" | "brake";

/**
 * Decides about one payment from where it stands at Stripe and what the database knows. Null: all is well, or it is the other
 * job's; nothing to write, nothing to tell.
 *
 * | stands | order open (pending, expiring, set aside) | order paid | order expired or absent |
 * | --- | --- | --- | --- |
 * | paid | settle the order as paid; short of its amount: kept, alert; beside an open session: left to the other job | by this payment, or by its own session or intent: nothing; else a second payment | late payment |
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
  it: StaleFinding,
  { now, leftAlone }: { now: Date; leftAlone: LeftAlone | null },
): StalePaymentDecision | null {
  const { payment, finding } = it;
  const { standing } = finding;
  const decide = decisionsAbout(payment, finding);
  switch (standing.kind) {
    case "paid":
      return decidePaid(it, { standing, now });
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

/**
 * Whether a paid payment of a paid order may be the money that paid it, so that Stripe has to be asked before it is called a second
 * one. An intent that the shop never recorded is taken for that of the Checkout Session, as the shop knows the session; of that there
 * may be thousands, and the question is not asked.
 */
export function mayBeOwnIntent(it: StaleFinding): boolean {
  const { payment: { order, recordedState, kind, paidBy }, finding: { standing } } = it;
  if (standing.kind !== "paid" || order?.status !== "paid" || kind !== "payment_intent") return false;
  const isDoubtful = recordedState === "open" ||
    (recordedState === null && paidBy.some((payer) => payer.kind === kind));
  const same = sameMoney(it);
  return isDoubtful && same.includes(null) && !same.includes(true);
}

function sameMoney({ payment, finding, sessions }: StaleFinding): (boolean | null)[] {
  const told = { intent: finding.ownIntent, sessions: sessions ?? null };
  return payment.paidBy.map((payer) => isSameMoney(payment, { payer, told }));
}

function decidePaid(
  it: StaleFinding,
  { standing, now }: {
    standing: Extract<Standing, { kind: "paid" }>;
    now: Date;
  },
): StalePaymentDecision | null {
  const { payment, finding } = it;
  const decide = decisionsAbout(payment, finding);
  const { order, recordedState, listed } = payment;
  if (order === null) return decide("late_payment", "order_absent");
  switch (order.status) {
    case "expired":
      return decide("late_payment", "order_expired");
    case "paid": {
      if (recordedState === "dead") {
        return decide("kept", "dead_record_contradicted", { alert: true });
      }
      const isSecond = payment.paidBy.length > 0 && sameMoney(it).every((same) => same === false);
      if (recordedState === "open") return decide("found_paid", isSecond ? "paid_twice" : "paid");
      if (recordedState === null && isSecond) return decide("found_paid", "paid_twice");
      return listed ? decide("unlisted", "paid") : null;
    }
    default: {
      // Most likely the open session's own intent. Settled by it, the order would look paid twice once the session is looked at:
      // the other job finds the session paid, and this payment is looked at again. No job looks at an order that was set aside.
      if (recordedState === null && payment.openSession && order.status !== "quarantined") {
        return waitForOrder({ payment, finding }, now);
      }
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
