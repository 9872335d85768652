import type postgres from "postgres";
import type { Stack } from "../stack/start.ts";

/** A run in the API's words, as far as the demo looks at it. */
export type WatchedRun = Record<string, unknown> & { runId: string; status: string; finishedAt: string | null };

/**
 * Lets the database dispatch a job, as pg_cron does every minute or on Sunday at 03:00: a row for the run, and a call of the function
 * through pg_net. Then watches the run over REST, as an operator would, until it has ended.
 */
export async function runAsScheduler(
  stack: Stack,
  sql: postgres.Sql,
  job: string,
  onProgress: (run: WatchedRun) => void,
): Promise<WatchedRun> {
  const [dispatched] = await sql<{ id: string }[]>`select lapse.dispatch(${job}) as id`;
  while (true) {
    const [run] = await readRest(stack, `lapse_runs?id=eq.${dispatched!.id}&select=${COLUMNS.join(",")}`);
    onProgress(run as WatchedRun);
    if (run!.finishedAt !== null) return run as WatchedRun;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

/** The counters first, in the order they have everywhere. */
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

/** Rows as the REST API serves them to the secret key. */
export async function readRest(
  { apiUrl, secretKey }: Pick<Stack, "apiUrl" | "secretKey">,
  path: string,
): Promise<Record<string, unknown>[]> {
  const response = await fetch(`${apiUrl}/rest/v1/${path}`, { headers: { apikey: secretKey } });
  if (!response.ok) throw new Error(`Cannot read ${path.split("?")[0]} over REST: status is ${response.status}`);
  return await response.json();
}
