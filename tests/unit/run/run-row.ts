import { COUNTERS, type RunRow, type Settings } from "../../../functions/_shared/database/runs.ts";

export const RUN_ID = "6f2c7f6e-1a53-4a0e-9c3a-111111111111";

/** A run's row as the database answers it, with nothing counted. */
export function rowOf(change: Partial<RunRow> = {}): RunRow {
  return {
    id: RUN_ID,
    job: "expire-stale-orders",
    status: "running",
    trigger: "server",
    dry_run: false,
    item_limit: null,
    fence: 7,
    started_at: null,
    finished_at: null,
    duration_ms: null,
    error: null,
    ...Object.fromEntries(COUNTERS.map((name) => [name, 0])) as Record<typeof COUNTERS[number], number>,
    stripe_calls: 0,
    stripe_throttled: 0,
    backlog: null,
    oldest_due_at: null,
    ...change,
  };
}

export const SETTINGS: Settings = {
  metadataKey: "order_id",
  customerActionGraceSeconds: 300,
  processingRecheckSeconds: 3_600,
  captureRecheckSeconds: 3_600,
  voucherSettleGraceSeconds: 3_600,
  slowMethodWindowSeconds: 3_600,
  cleanupScope: "all",
  disputedPayments: "quarantine",
  runSeconds: 50,
  claimSeconds: 40,
  runOrders: 300,
  claimBatch: 100,
  closeBatch: 5_000,
  batchesAtOnce: 2,
};
