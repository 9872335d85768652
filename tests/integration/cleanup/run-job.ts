import { cleanupStalePaymentIntents } from "../../../functions/cleanup-stale-payment-intents/cleanup-stale-payment-intents.ts";
import { createJobsDatabase, type NewRun } from "../../../functions/_shared/database/jobs-database.ts";
import type { Rpc } from "../../../functions/_shared/database/rpc.ts";
import { expireStaleOrders } from "../../../functions/expire-stale-orders/expire-stale-orders.ts";
import type { StalePaymentDecision } from "../../../functions/_shared/payments.ts";
import { createLog } from "../../../functions/_shared/run/log.ts";
import type { RunReport } from "../../../functions/_shared/run/report.ts";
import { startRun } from "../../../functions/_shared/run/start-run.ts";
import type { Time } from "./time.ts";

export type Report = Omit<RunReport, "decisions"> & { decisions?: StalePaymentDecision[] };

/** What a run reaches its world through. */
export type Surroundings = { rpc: Rpc; fetch: typeof globalThis.fetch; time: Time; apiBase: string };

const JOBS = { "cleanup-stale-payment-intents": cleanupStalePaymentIntents, "expire-stale-orders": expireStaleOrders };
export type JobName = keyof typeof JOBS;

/** Runs a job, the clean-up unless told otherwise, from its first call to its last. */
export async function runJob(
  { job = "cleanup-stale-payment-intents", ...run }: Partial<NewRun> & { job?: JobName },
  { rpc, fetch, time, apiBase }: Surroundings,
): Promise<Report> {
  const { ended } = await startRun({
    run: {
      runId: crypto.randomUUID(),
      job,
      trigger: "server",
      requestedBy: "test",
      reason: null,
      dryRun: false,
      limit: null,
      releaseBrake: false,
      ...run,
    },
    job: JOBS[job],
    database: createJobsDatabase(rpc),
    stripe: () => ({ secretKey: "sk_test_bench", apiBase }),
    world: { fetch, clockFrom: () => time },
    log: createLog({}, () => {}),
  });
  const { report } = await ended;
  return { ...report, decisions: report.decisions as StalePaymentDecision[] | undefined };
}
