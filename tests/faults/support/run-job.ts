import type postgres from "postgres";
import { cleanupStalePaymentIntents } from "../../../functions/cleanup-stale-payment-intents/cleanup-stale-payment-intents.ts";
import { expireStaleOrders } from "../../../functions/expire-stale-orders/expire-stale-orders.ts";
import { createDatabase } from "../../../functions/_shared/database/database.ts";
import { createRpc } from "../../../functions/_shared/database/rpc.ts";
import type { NewRun } from "../../../functions/_shared/database/runs.ts";
import { type Job, NOTHING_DUE } from "../../../functions/_shared/run/job.ts";
import { createLog } from "../../../functions/_shared/run/log.ts";
import type { RunReport } from "../../../functions/_shared/run/report.ts";
import { startRun } from "../../../functions/_shared/run/start-run.ts";
import { createDirectCall } from "./direct-call.ts";
import type { SimulatedTime } from "./time.ts";
import { type AtStep, clientOver, createWire, fetchOver, type Step } from "./wire.ts";

export type JobName = "expire-stale-orders" | "cleanup-stale-payment-intents";

export type RunOptions = { job?: JobName; atStep?: AtStep; run?: Partial<NewRun>; timeoutMs?: number };

/** `report` null: the process died, or could not even write that it began. */
export type RunOutcome = { report: RunReport | null; steps: readonly Step[] };

const JOBS: Record<JobName, Job> = {
  "expire-stale-orders": {
    usesStripe: true,
    work: async (ports, task) =>
      task.due === 0 && !task.refundsDue ? NOTHING_DUE : await expireStaleOrders(ports, task),
  },
  "cleanup-stale-payment-intents": { usesStripe: true, work: cleanupStalePaymentIntents },
};

/** Longer than any honest answer of the simulator takes on a busy machine. */
const PATIENCE_MS = 5_000;

/** Gives a call up after this. */
export function impatient(timeoutMs = PATIENCE_MS): typeof fetch {
  return (input, init) =>
    fetch(input, { ...init, signal: AbortSignal.any([init!.signal!, AbortSignal.timeout(timeoutMs)]) });
}

/** Runs a job in this process, as if in one of its own, until it ends or dies. `sql`: its connections to the database. */
export async function runJob(
  { job = "expire-stale-orders", atStep, run, sql, time, apiBase, timeoutMs }: RunOptions & {
    sql: postgres.Sql;
    time: SimulatedTime;
    apiBase: string;
  },
): Promise<RunOutcome> {
  const wire = createWire(atStep);
  const lines: string[] = [];
  const started = startRun({
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
    database: createDatabase(createRpc(clientOver(wire, createDirectCall(sql, time.now)))),
    stripe: () => ({ secretKey: "sk_test_bench", apiBase }),
    log: createLog({}, (line) => lines.push(line)),
    world: { fetch: fetchOver(wire, impatient(timeoutMs)), clockFrom: () => time.clockOf(wire.idle) },
  });
  const report = await Promise.race([
    // What the function answers with a 500: nothing began.
    started.then(({ ended }) => ended, () => null).then((ended) => ended?.report ?? null),
    wire.dead.then(() => null),
  ]);
  if (Deno.env.get("LAPSE_PROOF_LOG")) console.log(lines.join("\n"));
  return { report, steps: wire.steps };
}
