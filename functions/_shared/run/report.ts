import type { RunRow, RunStatus } from "../database/contracts.ts";
import type { RunDecision } from "./job.ts";

/** A run as the API answers it. Durations in milliseconds, stock in units. */
export type RunReport = {
  runId: string;
  job: string;
  status: RunStatus;
  trigger: string;
  dryRun: boolean;
  startedAt: string | null;
  finishedAt: string | null;
  durationMs: number | null;
  error: string | null;
  paymentsExpired: number;
  paymentIntentsCanceled: number;
  checkoutSessionsExpired: number;
  stockReleased: number;
  ordersPaid: number;
  ordersWaiting: number;
  ordersRetried: number;
  ordersQuarantined: number;
  latePayments: number;
  paymentsKept: number;
  stripeCalls: number;
  stripeThrottled: number;
  backlog: number | null;
  oldestDueAt: string | null;
  /** Only of a dry run: what it would have decided. */
  decisions?: RunDecision[];
};

/** Turns a row of `job_runs` into the API's shape. */
export function reportOf(run: RunRow, decisions?: RunDecision[]): RunReport {
  return {
    runId: run.id,
    job: run.job,
    status: run.status,
    trigger: run.trigger,
    dryRun: run.dry_run,
    startedAt: run.started_at,
    finishedAt: run.finished_at,
    durationMs: run.duration_ms,
    error: run.error,
    paymentsExpired: run.payments_expired,
    paymentIntentsCanceled: run.payment_intents_canceled,
    checkoutSessionsExpired: run.checkout_sessions_expired,
    stockReleased: run.stock_released,
    ordersPaid: run.orders_paid,
    ordersWaiting: run.orders_waiting,
    ordersRetried: run.orders_retried,
    ordersQuarantined: run.orders_quarantined,
    latePayments: run.late_payments,
    paymentsKept: run.payments_kept,
    stripeCalls: run.stripe_calls,
    stripeThrottled: run.stripe_throttled,
    backlog: run.backlog,
    oldestDueAt: run.oldest_due_at,
    ...(decisions ? { decisions } : {}),
  };
}
