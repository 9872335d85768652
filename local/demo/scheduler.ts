import type { Stack } from "../stack/start.ts";

export type Progress = { decided: number; orders: number; stripeCalls: number };

/**
 * Fires the job as pg_net does for the scheduler, and watches the run's row over REST, as an operator would, until it ends.
 * Answers the run in the API's words.
 */
export async function runAsScheduler(
  stack: Stack,
  { orders, onProgress }: { orders: number; onProgress?: (progress: Progress) => void },
): Promise<Record<string, unknown>> {
  const response = await fetch(`${stack.apiUrl}/functions/v1/expire-stale-orders`, {
    method: "POST",
    headers: { "x-jobs-secret": stack.schedulerSecret, "content-type": "application/json" },
    body: "{}",
  });
  if (response.status !== 202) {
    throw new Error(`Cannot start the job: status is ${response.status} ${await response.text()}`);
  }
  const { runId } = await response.json() as { runId: string };

  while (true) {
    const run = await readRun(stack, runId);
    const decided = ["paymentsExpired", "ordersPaid", "ordersWaiting", "ordersRetried", "ordersQuarantined"]
      .reduce((sum, counter) => sum + (run[counter] as number), 0);
    onProgress?.({ decided, orders, stripeCalls: stack.simulator!.control.mark() });
    if (run.finishedAt !== null) return run;
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
}

const COLUMNS = [
  "runId:id",
  "status",
  "error",
  "finishedAt:finished_at",
  "durationMs:duration_ms",
  "paymentsExpired:payments_expired",
  "paymentIntentsCanceled:payment_intents_canceled",
  "checkoutSessionsExpired:checkout_sessions_expired",
  "stockReleased:stock_released",
  "ordersPaid:orders_paid",
  "ordersWaiting:orders_waiting",
  "ordersRetried:orders_retried",
  "ordersQuarantined:orders_quarantined",
  "stripeCalls:stripe_calls",
  "stripeThrottled:stripe_throttled",
  "backlog",
];

async function readRun({ apiUrl, secretKey }: Stack, runId: string): Promise<Record<string, unknown>> {
  const url = `${apiUrl}/rest/v1/job_runs?id=eq.${runId}&select=${COLUMNS.join(",")}`;
  const response = await fetch(url, { headers: { apikey: secretKey } });
  const [run] = await response.json() as Record<string, unknown>[];
  if (!run) throw new Error(`Cannot find run ${runId} over REST: status is ${response.status}`);
  return run;
}
