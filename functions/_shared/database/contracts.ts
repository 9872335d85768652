/**
 * What the database functions answer (migrations/*_jobs_*.sql), parsed at this edge.
 *
 * Most ticks read two answers: how a run began and how it ended. The others are built when they are first read, so that no start waits
 * for them.
 */
import { z } from "zod/mini";
import { count, instant, uuid } from "./scalars.ts";

export type RunStatus = "queued" | "running" | "succeeded" | "partial" | "failed" | "braked" | "skipped" | "lost";

/** A row of `job_runs`. Columns that the functions do not use pass through unread. */
export const runRow = z.object({
  id: uuid,
  job: z.string(),
  status: z.enum(["queued", "running", "succeeded", "partial", "failed", "braked", "skipped", "lost"]),
  trigger: z.string(),
  dry_run: z.boolean(),
  item_limit: z.nullable(count),
  fence: z.nullable(count),
  started_at: z.nullable(z.string()),
  finished_at: z.nullable(z.string()),
  duration_ms: z.nullable(z.int()),
  error: z.nullable(z.string()),
  payments_expired: count,
  payment_intents_canceled: count,
  checkout_sessions_expired: count,
  stock_released: count,
  orders_paid: count,
  orders_waiting: count,
  orders_retried: count,
  orders_quarantined: count,
  late_payments: count,
  payments_kept: count,
  stripe_calls: count,
  stripe_throttled: count,
  backlog: z.nullable(count),
  oldest_due_at: z.nullable(z.string()),
});
export type RunRow = z.infer<typeof runRow>;

const seconds = z.number().check(z.nonnegative());
export const settings = z.strictObject({
  runSeconds: seconds,
  claimSeconds: seconds,
  claimBatch: z.int().check(z.positive()),
  // Databases before 20261123098000 do not tell it, and functions may be deployed first.
  batchesAtOnce: z._default(z.int().check(z.positive()), 2),
  customerActionGraceSeconds: seconds,
  processingRecheckSeconds: seconds,
  captureRecheckSeconds: seconds,
  voucherSettleGraceSeconds: seconds,
  slowMethodWindowSeconds: seconds,
});
export type Settings = z.infer<typeof settings>;

export const beginAnswer = z.discriminatedUnion("answer", [
  z.strictObject({ answer: z.literal("running"), now: instant, run: runRow, settings, due: count }),
  z.strictObject({ answer: z.enum(["duplicate", "skipped", "braked", "failed"]), now: instant, run: runRow }),
]);
export type BeginAnswer = z.infer<typeof beginAnswer>;

export const expiredWithoutPayments = z.lazy(() => z.strictObject({ expired: count, unitsReleased: count }));

export const settled = z.lazy(() =>
  z.strictObject({
    outcomes: z.partialRecord(z.enum(["expired", "paid", "waiting", "retry", "quarantined", "handed_back"]), count),
    superseded: count,
  })
);
export type Settled = z.infer<typeof settled>;

export const reservedCalls = z.lazy(() =>
  z.strictObject({
    count: z.int().check(z.positive()),
    startsInMs: z.number().check(z.nonnegative()),
    intervalMs: z.number().check(z.positive()),
    perSecond: z.int().check(z.positive()),
    accountPerSecond: z.int().check(z.positive()),
    // Databases before 20261128140000 do not tell it, and functions may be deployed first.
    now: z.optional(instant),
  })
);
export type ReservedCalls = z.infer<typeof reservedCalls>;
