/** What the database answers about a run: how it begins, its settings, its row. */
import * as z from "zod/mini";
import { count, instant, uuid } from "../parsing.ts";

/**
 * Everything a run counts, by the names of the database's columns. Contract, report and log are derived from this list, so a new counter
 * takes one word here.
 */
export const COUNTERS = [
  "orders_expired",
  "orders_paid",
  "orders_waiting",
  "orders_retried",
  "orders_quarantined",
  "stock_released",
  "payment_intents_canceled",
  "checkout_sessions_expired",
  "payments_kept",
  "late_payments",
] as const;
export type Counter = typeof COUNTERS[number];

/** Proof that a run may still change things: its id and the number of its lease. */
export type Lease = { runId: string; fence: number };

export type NewRun = {
  runId: string;
  job: string;
  trigger: string;
  requestedBy: string;
  reason: string | null;
  dryRun: boolean;
  limit: number | null;
  releaseBrake: boolean;
};

/** What a run reports to the database when it is over. */
export type FinishedRun = {
  runId: string;
  status: "succeeded" | "partial" | "failed";
  error: string | null;
  stripeCalls: number;
  stripeThrottled: number;
};

const status = z.enum(["queued", "running", "succeeded", "partial", "failed", "braked", "skipped", "lost"]);
export type RunStatus = z.infer<typeof status>;

/** A database that is one version older lacks the newest counters. */
const counter = z._default(count, 0);
const counters = Object.fromEntries(COUNTERS.map((name) => [name, counter])) as Record<Counter, typeof counter>;

/** A row of `lapse.runs`. Other columns are ignored. */
export const runRow = z.object({
  id: uuid,
  job: z.string(),
  status,
  trigger: z.string(),
  dry_run: z.boolean(),
  item_limit: z.nullable(count),
  fence: z.nullable(count),
  started_at: z.nullable(z.string()),
  finished_at: z.nullable(z.string()),
  duration_ms: z.nullable(z.int()),
  error: z.nullable(z.string()),
  ...counters,
  stripe_calls: count,
  stripe_throttled: count,
  backlog: z.nullable(count),
  oldest_due_at: z.nullable(z.string()),
});
export type RunRow = z.infer<typeof runRow>;

const positive = z.int().check(z.positive());
const seconds = z.number().check(z.nonnegative());

/**
 * Functions and database are deployed one after the other, in either order. Keys that a newer database adds are therefore ignored, and
 * settings of a run's pace and size have defaults. Settings that decide about money have none.
 */
export const settings = z.object({
  metadataKey: z.string().check(z.minLength(1)),
  customerActionGraceSeconds: seconds,
  processingRecheckSeconds: seconds,
  captureRecheckSeconds: seconds,
  voucherSettleGraceSeconds: seconds,
  slowMethodWindowSeconds: seconds,
  cleanupScope: z.enum(["known", "all"]),
  disputedPayments: z._default(z.enum(["quarantine", "paid"]), "quarantine"),
  runSeconds: z._default(seconds, 50),
  claimSeconds: z._default(seconds, 40),
  runOrders: z._default(positive, 600),
  claimBatch: z._default(positive, 50),
  closeBatch: z._default(positive, 5_000),
  batchesAtOnce: z._default(positive, 2),
});
export type Settings = z.infer<typeof settings>;

/** `waitForShare`: another run does not yet leave this one its share of the pace. */
export const pace = {
  paymentsPerSecond: z.number().check(z.positive()),
  waitForShare: z._default(z.boolean(), false),
};

export const beginAnswer = z.discriminatedUnion("answer", [
  z.object({
    answer: z.literal("running"),
    now: instant,
    run: runRow,
    settings,
    due: count,
    /** Whether a refund waits to be carried out. */
    refundsDue: z._default(z.boolean(), false),
    ...pace,
  }),
  z.object({ answer: z.enum(["duplicate", "skipped", "braked", "failed"]), now: instant, run: runRow }),
]);
export type BeginAnswer = z.infer<typeof beginAnswer>;
