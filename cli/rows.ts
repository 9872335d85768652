import { z } from "zod";

// Rows of the views public.lapse_*, with names in camelCase. Columns that no command shows are dropped.

/** PostgREST and its substitute format timestamps differently; scripts get one format. */
const when = z.string().transform((text) => new Date(text).toISOString());
const count = z.int().nonnegative();

/** Every job, by its name in commands. */
export const JOBS = { expire: "expire-stale-orders", cleanup: "cleanup-stale-payment-intents" } as const;
export type JobWord = keyof typeof JOBS;
export type JobName = typeof JOBS[JobWord];
export const jobWords = Object.keys(JOBS) as JobWord[];
export const jobs: readonly JobName[] = Object.values(JOBS);

/** A job's name in commands. */
export function wordOf(job: string): string {
  return jobWords.find((word) => JOBS[word] === job) ?? job;
}

/** The command that starts a run of a job. */
export function runCommandOf(job: string): string {
  return `npm run lapse -- run ${wordOf(job)}`;
}

/** The counters of a run, a day and a job, in the order of all reports. */
const counters = {
  ordersExpired: count,
  ordersPaid: count,
  ordersWaiting: count,
  ordersRetried: count,
  ordersQuarantined: count,
  stockReleased: count,
  paymentIntentsCanceled: count,
  checkoutSessionsExpired: count,
  paymentsKept: count,
  latePayments: count,
};

export const runRow = z.object({
  id: z.guid(),
  job: z.string(),
  status: z.string(),
  trigger: z.string(),
  requestedBy: z.string().nullable(),
  reason: z.string().nullable(),
  dryRun: z.boolean(),
  ref: z.string().nullable(),
  createdAt: when,
  startedAt: when.nullable(),
  finishedAt: when.nullable(),
  durationMs: count.nullable(),
  error: z.string().nullable(),
  ...counters,
  stripeCalls: count,
  stripeThrottled: count,
  backlog: count.nullable(),
  oldestDueAt: when.nullable(),
});
export type RunRow = z.infer<typeof runRow>;

export const dayRow = z.object({ job: z.string(), day: z.iso.date(), ...counters, runs: count, runsFailed: count });
export type DayRow = z.infer<typeof dayRow>;

export const metricsRow = z.object({
  job: z.string(),
  ordersExpiredTotal: count,
  ordersPaidTotal: count,
  ordersWaitingTotal: count,
  ordersRetriedTotal: count,
  ordersQuarantinedTotal: count,
  stockReleasedTotal: count,
  paymentIntentsCanceledTotal: count,
  checkoutSessionsExpiredTotal: count,
  paymentsKeptTotal: count,
  latePaymentsTotal: count,
  runsTotal: count,
  runsFailedTotal: count,
  jobExecutionTime: count.nullable(),
  lastExecutionTime: when.nullable(),
  lastSuccessTime: when.nullable(),
  backlog: count.nullable(),
  oldestDueAt: when.nullable(),
});

export const alertRow = z.object({
  id: count,
  code: z.string().nullable(),
  key: z.string(),
  job: z.string().nullable(),
  severity: z.string(),
  message: z.string(),
  object: z.string(),
  cause: z.string().nullable(),
  command: z.string(),
  advice: z.string(),
  runbook: z.string(),
  stripeUrl: z.string().nullable(),
  details: z.unknown(),
  since: when,
  occurrences: count,
  firstSeenAt: when,
  lastSeenAt: when,
  resolvedAt: when.nullable(),
  resolvedBy: z.string().nullable(),
  resolvedReason: z.string().nullable(),
  partOf: z.string().nullable(),
});
export type AlertRow = z.infer<typeof alertRow>;

export const orderRow = z.object({
  ref: z.string(),
  status: z.string(),
  reason: z.string().nullable(),
  amount: count.nullable(),
  currency: z.string().nullable(),
  account: z.string(),
  method: z.string().nullable(),
  channel: z.string().nullable(),
  placedAt: when,
  deadline: when,
  holdUntil: when.nullable(),
  graceUntil: when.nullable(),
  nextCheckAt: when.nullable(),
  dueSince: when.nullable(),
  looks: count,
  payments: count,
  attempt: count,
  failures: count,
  closedAt: when.nullable(),
});
export type OrderRow = z.infer<typeof orderRow>;

export const paymentRow = z.object({
  stripeId: z.string(),
  kind: z.string(),
  account: z.string(),
  source: z.string(),
  state: z.string(),
  reason: z.string().nullable(),
  evidence: z.unknown(),
  attachedAt: when,
  checkedAt: when.nullable(),
});

export const refundRow = z.object({
  id: z.guid(),
  stripeId: z.string(),
  ref: z.string(),
  reason: z.string(),
  status: z.string(),
  amount: count.nullable(),
  currency: z.string().nullable(),
  refundId: z.string().nullable(),
  error: z.string().nullable(),
  heldSince: when.nullable(),
  createdAt: when,
  endedAt: when.nullable(),
});
export type RefundRow = z.infer<typeof refundRow>;

export const decisionRow = z.object({
  id: count,
  runId: z.guid().nullable(),
  job: z.string(),
  subject: z.string(),
  ref: z.string().nullable(),
  stripeId: z.string().nullable(),
  outcome: z.string(),
  reason: z.string(),
  unitsReleased: count,
  nextCheckAt: when.nullable(),
  evidence: z.unknown(),
  decidedAt: when,
});

/** Renames the columns to camelCase; values stay the same. */
export function camelCased(row: unknown): unknown {
  if (row === null || typeof row !== "object" || Array.isArray(row)) return row;
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase()), value]),
  );
}
