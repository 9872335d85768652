import { refundPayment } from "../protocol/refund-payment.ts";
import { mustStop, type OrderRun } from "./order-run.ts";

/** Each takes three calls at most. What is left is due for the next run. */
const MAX_REFUNDS = 20;

/** Carries out the refunds that are due, one after the other. */
export async function executeRefunds(run: OrderRun): Promise<void> {
  const { ports: { database, log }, lease, gateway, task: { settings } } = run;
  const refunds = await database.claimRefunds(lease, MAX_REFUNDS);
  for (const refund of refunds) {
    if (mustStop(run)) return;
    const result = await refundPayment(refund, { gateway, metadataKey: settings.metadataKey });
    const recorded = await database.recordRefund(lease, refund, result);
    log.info("refund_attempted", { refund: refund.id, ref: refund.ref, recorded, ...result });
    if (result.outcome === "succeeded") run.progress.done += 1;
  }
}
