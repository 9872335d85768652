import { concernsTheRun, messageOf } from "../errors.ts";
import { refundPayment } from "../protocol/refund-payment.ts";
import type { DueRefund } from "../rules/refunds.ts";
import { mustStop, type OrderRun } from "./order-run.ts";

/** Each takes three calls at most. What is left is due for the next run. */
const MAX_REFUNDS = 20;

/** Carries out the refunds that are due, one after the other. One that breaks is due again later and holds up no order. */
export async function executeRefunds(run: OrderRun): Promise<void> {
  const { ports: { database, log }, lease } = run;
  for (const refund of await database.claimRefunds(lease, MAX_REFUNDS)) {
    if (mustStop(run)) return;
    try {
      await executeRefund(refund, run);
    } catch (error) {
      if (concernsTheRun(error)) throw error;
      log.error("refund_broken", { refund: refund.id, ref: refund.ref, error: messageOf(error) });
    }
  }
}

async function executeRefund(refund: DueRefund, run: OrderRun): Promise<void> {
  const { ports: { database, log }, lease, gateway, task: { settings } } = run;
  const result = await refundPayment(refund, { gateway, metadataKey: settings.metadataKey });
  const recorded = await database.recordRefund(lease, refund, result);
  log.info("refund_attempted", { refund: refund.id, ref: refund.ref, recorded, ...result });
  if (result.outcome === "succeeded") run.progress.done += 1;
}
