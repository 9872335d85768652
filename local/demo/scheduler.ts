import type postgres from "postgres";
import type { Stack } from "../stack/start.ts";

/** The fields of a run that the demo uses, in the API's spelling. */
export type WatchedRun = Record<string, unknown> & { runId: string; status: string; finishedAt: string | null };

/**
 * Lets the database dispatch a job, as pg_cron does every five minutes or on Sunday at 03:00: it creates a row for the
 * run and calls the function through pg_net. Then watches the run over REST until it has ended, as an operator would.
 */
export async function runAsScheduler(
  stack: Stack,
  sql: postgres.Sql,
  job: string,
  onProgress: (run: WatchedRun) => void,
): Promise<WatchedRun> {
  const [dispatched] = await sql<{ id: string }[]>`select lapse.dispatch(${job}) as id`;
  const patience = AbortSignal.timeout(PATIENCE_MS);
  while (!patience.aborted) {
    const [run] = await readRest(stack, `lapse_runs?id=eq.${dispatched!.id}&select=${COLUMNS.join(",")}`);
    onProgress(run as WatchedRun);
    if (run!.finishedAt !== null) return run as WatchedRun;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  throw new Error(`The run of ${job} did not end within ten minutes. Its function probably died: start the demo again`);
}

/** Nobody watches for a run whose function died, because the demo runs without pg_cron. */
const PATIENCE_MS = 10 * 60 * 1_000;

/** The counters come first, in the same order as everywhere. */
const COLUMNS = [
  "runId:id",
  "job",
  "status",
  "error",
  "finishedAt:finished_at",
  "durationMs:duration_ms",
  "ordersExpired:orders_expired",
  "ordersPaid:orders_paid",
  "ordersWaiting:orders_waiting",
  "ordersRetried:orders_retried",
  "ordersQuarantined:orders_quarantined",
  "stockReleased:stock_released",
  "paymentIntentsCanceled:payment_intents_canceled",
  "checkoutSessionsExpired:checkout_sessions_expired",
  "paymentsKept:payments_kept",
  "latePayments:late_payments",
  "stripeCalls:stripe_calls",
  "stripeThrottled:stripe_throttled",
  "backlog",
];

/** Rows from the REST API, read with the secret key. */
export async function readRest(
  { apiUrl, secretKey }: Pick<Stack, "apiUrl" | "secretKey">,
  path: string,
): Promise<Record<string, unknown>[]> {
  const response = await fetch(`${apiUrl}/rest/v1/${path}`, { headers: { apikey: secretKey } });
  if (!response.ok) throw new Error(`Cannot read ${path.split("?")[0]} over REST: status is ${response.status}`);
  return await response.json();
}
