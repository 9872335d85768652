import { concernsTheRun, reasonOf } from "../_shared/errors.ts";
import type { ClaimedPayment } from "../_shared/orders.ts";
import type { StalePayment } from "../_shared/payments.ts";
import type { StaleFinding } from "../_shared/stripe/decide-stale-payment.ts";
import { type Finding, lookAt } from "../_shared/stripe/finding.ts";
import type { Cleanup } from "./cleanup.ts";
import { inFlight } from "./in-flight.ts";
import { lookAtUnread } from "./look-at-unread.ts";
import type { BatchEnd } from "./work-on-payments.ts";

/** More payments than this unknown to Stripe, and not one known, mean that the key is not the shop's. */
const MAX_NOT_FOUND = 10;

/** Asks Stripe about payments that the database knows of. An end instead of findings: the run has to stop, nothing was decided. */
export async function lookAtPayments(payments: StalePayment[], cleanup: Cleanup): Promise<StaleFinding[] | BatchEnd> {
  const { progress } = cleanup;
  const looked = await inFlight(
    payments.filter(({ orderId }) => orderId !== null),
    async (payment) => ({ payment, finding: await look(payment, cleanup) }),
  );
  looked.push(...await lookAtUnread(payments.filter(({ orderId }) => orderId === null), cleanup));
  for (const { finding: { standing, evidence } } of looked) {
    if (standing.kind === "stop") return { kind: "stopped", why: standing.why };
    if (evidence.status !== undefined) progress.found += 1;
    if (standing.kind === "quarantine" && standing.why === "payment_not_found") progress.notFound += 1;
  }
  if (progress.notFound > MAX_NOT_FOUND && progress.found === 0) {
    return { kind: "stopped", why: "too_many_not_found" };
  }
  return looked;
}

/** A fault of this program holds up one payment, not the others. @throws what concerns the whole run. */
async function look(payment: StalePayment, cleanup: Cleanup): Promise<Finding> {
  const claimed = asClaimed(payment);
  try {
    return await lookAt(claimed, cleanup.lookOf(payment));
  } catch (error) {
    if (concernsTheRun(error)) throw error;
    cleanup.ports.log.error("payment_broke", { stripe_id: payment.stripeId, error: reasonOf(error) });
    const standing = { kind: "unclear", why: "internal_error" } as const;
    return { payment: claimed, standing, ended: null, evidence: {}, capturesByHand: false };
  }
}

/** The payment as the protocol knows it. */
export function asClaimed(payment: StalePayment): ClaimedPayment {
  return {
    id: payment.stripeId,
    kind: payment.kind,
    stripeId: payment.stripeId,
    stripeAccount: payment.stripeAccount,
    state: payment.recordedState ?? "open",
    // The grace for a customer in 3-D Secure is used up: the order is closed, or the payment is days old.
    graceUntil: new Date(0),
    createdAt: new Date(0),
  };
}
