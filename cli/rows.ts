import { z } from "zod";

/** Rows as the REST API gives them. Columns that no command shows pass through unread. */
/** PostgREST and its stand-in write moments in two ways; scripts get one. */
const when = z.string().transform((text) => new Date(text).toISOString());
const count = z.int().nonnegative();
/** Any UUID that PostgreSQL takes, not only those of RFC 9562: a shop's ids may be older, or made by hand. */
export const uuid = z.guid();

export const jobs = ["expire-stale-orders", "cleanup-stale-payment-intents"] as const;

export const runRow = z.object({
  id: uuid,
  job: z.string(),
  status: z.string(),
  trigger: z.string(),
  requested_by: z.string().nullable(),
  reason: z.string().nullable(),
  dry_run: z.boolean(),
  order_id: uuid.nullable(),
  created_at: when,
  started_at: when.nullable(),
  finished_at: when.nullable(),
  duration_ms: count.nullable(),
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
});
export type RunRow = z.infer<typeof runRow>;

export const alertRow = z.object({
  id: count,
  code: z.string().nullable(),
  key: z.string(),
  job: z.string().nullable(),
  severity: z.string(),
  message: z.string(),
  details: z.unknown(),
  occurrences: count,
  first_seen_at: when,
  last_seen_at: when,
  resolved_at: when.nullable(),
  resolved_by: z.string().nullable(),
  resolved_reason: z.string().nullable(),
});
export type AlertRow = z.infer<typeof alertRow>;

export const metricsRow = z.object({
  job: z.string(),
  payments_expired_total: count,
  payment_intents_canceled_total: count,
  checkout_sessions_expired_total: count,
  stock_released_total: count,
  orders_paid_total: count,
  orders_waiting_total: count,
  orders_retried_total: count,
  orders_quarantined_total: count,
  late_payments_total: count,
  payments_kept_total: count,
  runs_total: count,
  runs_failed_total: count,
  job_execution_time: count.nullable(),
  last_execution_time: when.nullable(),
  last_success_time: when.nullable(),
  backlog: count.nullable(),
  oldest_due_at: when.nullable(),
});

export const dayRow = z.object({
  job: z.string(),
  day: z.iso.date(),
  payments_expired: count,
  payment_intents_canceled: count,
  checkout_sessions_expired: count,
  stock_released: count,
  orders_paid: count,
  orders_quarantined: count,
  late_payments: count,
  runs: count,
  runs_failed: count,
});

export const orderRow = z.object({
  id: uuid,
  status: z.string(),
  status_reason: z.string().nullable(),
  currency: z.string(),
  amount: count,
  payment_method: z.string(),
  channel: z.string(),
  created_at: when,
  expires_at: when,
  next_check_at: when.nullable(),
  attempt: count,
  failures: count,
});

export const paymentRow = z.object({
  kind: z.string(),
  stripe_id: z.string(),
  stripe_account: z.string().nullable(),
  state: z.string(),
  reason: z.string().nullable(),
  evidence: z.unknown(),
  checked_at: when.nullable(),
});

export const reservationRow = z.object({ sku: z.string(), quantity: count, state: z.string() });

export const decisionRow = z.object({
  id: count,
  run_id: uuid,
  job: z.string(),
  subject: z.string(),
  stripe_id: z.string().nullable(),
  outcome: z.string(),
  reason: z.string(),
  units_released: count,
  next_check_at: when.nullable(),
  evidence: z.unknown(),
  decided_at: when,
});
