import type { StalePayment } from "../_shared/payments.ts";
import type { StaleFinding } from "../_shared/stripe/decide-stale-payment.ts";
import { lookAt } from "../_shared/stripe/finding.ts";
import { isKeyDoubtful, isUnknown } from "../_shared/stripe/key-evidence.ts";
import { asClaimed } from "./as-claimed.ts";
import type { Cleanup } from "./cleanup.ts";
import { guarded } from "./guarded.ts";
import { inFlight } from "./in-flight.ts";
import { lookAtUnread } from "./look-at-unread.ts";
import { proveKey } from "./prove-key.ts";
import type { BatchEnd } from "./work-on-payments.ts";

/** Asks Stripe about payments that the database knows of. An end instead of findings: the run has to stop, nothing was decided. */
export async function lookAtPayments(payments: StalePayment[], cleanup: Cleanup): Promise<StaleFinding[] | BatchEnd> {
  const looked = await inFlight(
    payments.filter(({ orderId }) => orderId !== null),
    (payment) => guarded(payment, cleanup, () => lookAt(asClaimed(payment), cleanup.lookOf(payment))),
  );
  looked.push(...await lookAtUnread(payments.filter(({ orderId }) => orderId === null), cleanup));
  const { evidence } = cleanup.progress;
  for (const { finding: { standing, evidence: { status } } } of looked) {
    if (standing.kind === "stop") return { kind: "stopped", why: standing.why };
    if (status !== undefined) evidence.known += 1;
    else if (standing.kind === "quarantine" && isUnknown({ reason: standing.why })) evidence.unknown += 1;
  }
  return isKeyDoubtful(evidence) ? await proveKey(cleanup) ?? looked : looked;
}
