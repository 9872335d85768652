import { concernsTheRun, reasonOf } from "../_shared/errors.ts";
import type { StalePayment } from "../_shared/payments.ts";
import type { StaleFinding } from "../_shared/stripe/decide-stale-payment.ts";
import type { Finding } from "../_shared/stripe/finding.ts";
import { asClaimed } from "./as-claimed.ts";
import type { Cleanup } from "./cleanup.ts";

/**
 * Looks at one payment. A fault of this program holds up that one, not the others: it is found unclear.
 *
 * @throws what concerns the whole run.
 */
export async function guarded(
  payment: StalePayment,
  { ports: { log } }: Cleanup,
  look: () => Finding | Promise<Finding>,
): Promise<StaleFinding> {
  try {
    return { payment, finding: await look() };
  } catch (error) {
    if (concernsTheRun(error)) throw error;
    log.error("payment_broke", { stripe_id: payment.stripeId, error: reasonOf(error) });
    const standing = { kind: "unclear", why: "internal_error" } as const;
    return {
      payment,
      finding: {
        payment: asClaimed(payment),
        standing,
        ended: null,
        evidence: {},
        ownIntent: null,
        capturesByHand: false,
      },
    };
  }
}
