/**
 * What the database functions answer (migrations/*_jobs_*.sql), parsed at this edge.
 *
 * Most ticks read two answers: how a run began and how it ended. The others are built when they are first read, so that no start waits
 * for them.
 */
import { z } from "zod";
import type { ClaimedOrder } from "../orders.ts";

const instant = z.iso.datetime({ offset: true }).transform((text) => new Date(text));
const count = z.int().nonnegative();

export const claimedOrders: z.ZodType<ClaimedOrder[]> = z.lazy(() =>
  z.array(z.strictObject({
    id: z.uuid(),
    attempt: count,
    failures: count,
    amount: count,
    currency: z.string().length(3),
    expiresAt: instant,
    payments: z.array(z.strictObject({
      id: z.uuid(),
      kind: z.enum(["payment_intent", "checkout_session"]),
      stripeId: z.string().min(4),
      stripeAccount: z.string().nullable(),
      state: z.enum(["open", "paid", "dead"]),
      graceUntil: instant.nullable(),
      createdAt: instant,
    })),
  }))
);

export type RunStatus = "queued" | "running" | "succeeded" | "partial" | "failed" | "braked" | "skipped" | "lost";

/** A row of `job_runs`. Columns that the functions do not use pass through unread. */
export const runRow = z.object({
  id: z.uuid(),
  job: z.string(),
  status: z.enum(["queued", "running", "succeeded", "partial", "failed", "braked", "skipped", "lost"]),
  trigger: z.string(),
  dry_run: z.boolean(),
  item_limit: count.nullable(),
  fence: count.nullable(),
  started_at: z.string().nullable(),
  finished_at: z.string().nullable(),
  duration_ms: z.int().nullable(),
  error: z.string().nullable(),
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
  backlog: count.nullable(),
  oldest_due_at: z.string().nullable(),
});
export type RunRow = z.infer<typeof runRow>;

const seconds = z.number().nonnegative();
export const settings = z.strictObject({
  runSeconds: seconds,
  claimSeconds: seconds,
  claimBatch: z.int().positive(),
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
    count: z.int().positive(),
    startsInMs: z.number().nonnegative(),
    intervalMs: z.number().positive(),
    perSecond: z.int().positive(),
    accountPerSecond: z.int().positive(),
  })
);
export type ReservedCalls = z.infer<typeof reservedCalls>;
