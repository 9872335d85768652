import type { Stack } from "../stack/start.ts";

/** A run in the API's words, as far as the demo looks at it. */
export type WatchedRun = Record<string, unknown> & { status: string; finishedAt: string | null };

/**
 * Fires a job as pg_net does for the scheduler, and watches the run's row over REST, as an operator would, until it ends. A run
 * that ran out of time is followed by its continuation only where the schedule runs; the demo fires the job again.
 */
export async function runAsScheduler(
  stack: Stack,
  job: string,
  onProgress: (run: WatchedRun) => Promise<void> | void = () => {},
): Promise<WatchedRun> {
  const response = await fetch(`${stack.apiUrl}/functions/v1/${job}`, {
    method: "POST",
    headers: { "x-jobs-secret": stack.schedulerSecret, "content-type": "application/json" },
    body: "{}",
  });
  if (response.status !== 202) {
    throw new Error(`Cannot start ${job}: status is ${response.status} ${await response.text()}`);
  }
  const { runId } = await response.json() as { runId: string };
  while (true) {
    const run = await readRun(stack, runId);
    await onProgress(run);
    if (run.finishedAt !== null) return run;
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
}

const COLUMNS = [
  "runId:id",
  "job",
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
  "latePayments:late_payments",
  "paymentsKept:payments_kept",
  "stripeCalls:stripe_calls",
  "stripeThrottled:stripe_throttled",
  "backlog",
];

async function readRun(stack: Stack, runId: string): Promise<WatchedRun> {
  const [run] = await readRest(stack, `job_runs?id=eq.${runId}&select=${COLUMNS.join(",")}`);
  if (!run) throw new Error(`Cannot find run ${runId} over REST`);
  return run as WatchedRun;
}

/** Rows as the REST API serves them to the secret key. */
export async function readRest(
  { apiUrl, secretKey }: Pick<Stack, "apiUrl" | "secretKey">,
  path: string,
): Promise<Record<string, unknown>[]> {
  const response = await fetch(`${apiUrl}/rest/v1/${path}`, { headers: { apikey: secretKey } });
  if (!response.ok) throw new Error(`Cannot read ${path.split("?")[0]} over REST: status is ${response.status}`);
  return await response.json();
}
