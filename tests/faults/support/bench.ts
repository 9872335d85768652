import postgres from "postgres";
import { cleanupStalePaymentIntents } from "../../../functions/cleanup-stale-payment-intents/cleanup-stale-payment-intents.ts";
import { expireStaleOrders } from "../../../functions/expire-stale-orders/expire-stale-orders.ts";
import { createDatabase } from "../../../functions/_shared/database/database.ts";
import { createRpc } from "../../../functions/_shared/database/rpc.ts";
import type { NewRun } from "../../../functions/_shared/database/runs.ts";
import { type Job, NOTHING_DUE } from "../../../functions/_shared/run/job.ts";
import { createLog } from "../../../functions/_shared/run/log.ts";
import type { RunReport } from "../../../functions/_shared/run/report.ts";
import { startRun } from "../../../functions/_shared/run/start-run.ts";
import { type Databases, startDatabases } from "../../../local/platform/databases.ts";
import { type Database, withConnection } from "../../../local/postgres/databases.ts";
import { setVaultEntries } from "../../../local/stack/vault.ts";
import type { StripeControl } from "../../../local/stripe-simulator/control.ts";
import { startStripeSimulator } from "../../../local/stripe-simulator/start.ts";
import { inWords, shopOptions, teachWords } from "../../support/shop-under-test.ts";
import { createDirectCall } from "./direct-call.ts";
import { emptyTables, ON_HAND } from "./empty-tables.ts";
import { createTime, type SimulatedTime } from "./time.ts";
import { type AtStep, clientOver, createWire, fetchOver, type Step } from "./wire.ts";

export type JobName = "expire-stale-orders" | "cleanup-stale-payment-intents";

/** One shop in its own database, its Stripe account and one time for both; the jobs run in this process. */
export type Bench = {
  sql: postgres.Sql;
  stripe: StripeControl;
  time: SimulatedTime;
  /** Where the database is, for a connection of one's own; the other one as superuser. */
  databaseUrl: string;
  adminUrl: string;
  /** A person at Stripe, not the jobs, sends a POST: a cancel in the Dashboard, a refund. Answers the HTTP status. */
  byHand(path: string, params?: Record<string, string>): Promise<number>;
  /** Stops the database server as a crash does, and starts it again. */
  crashDatabase(): Promise<void>;
  /** The server ends every connection of the jobs, whatever it is doing. */
  cutConnections(): Promise<void>;
  /** Runs a job in a process of its own, until it ends or dies. */
  run(options?: RunOptions): Promise<RunOutcome>;
};

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

/** A Sunday in November, in the hour of the weekly clean-up. */
const START = new Date("2026-11-22T03:30:00Z");

let databases: Databases;
let database: Database;
let sql: postgres.Sql;
/** The jobs' own connections: what the API keeps open to the database for them. */
let functionSql: postgres.Sql;
/** How the jobs' connections are called in the server. */
export const FUNCTION = "function";
const CONNECTIONS = 4;

/** Call once at the top of a test file: one server and one database for all its benches. */
export function useBenches(): void {
  Deno.test.beforeAll(async () => {
    databases = await startDatabases(shopOptions());
    database = await databases.fresh();
    await teachWords(database);
    await setVaultEntries(database.adminUrl, {
      lapse_functions_url: "https://functions.test",
      lapse_scheduler_secret: "not-a-secret-but-long-enough-for-one",
    });
    // A copy made with wal_level = minimal lacks the sequences of unlogged tables until a checkpoint; a crash before it would break them.
    await withConnection(database.adminUrl, (admin) => admin`checkpoint`);
    sql = inWords(postgres(database.url, { max: 4, onnotice: () => {} }));
    functionSql = postgres(database.url, {
      max: CONNECTIONS,
      onnotice: () => {},
      backoff: () => 0.02,
      connection: { application_name: FUNCTION },
    });
  });
  Deno.test.afterAll(async () => {
    await Promise.all([sql, functionSql].map((pool) => pool.end({ timeout: 1 })));
    await databases.stop();
  });
}

/** Opens a bench on empty tables, with calls hardly paced, uses it and closes it. About 15 ms. */
export async function withBench<T>(use: (bench: Bench) => Promise<T>): Promise<T> {
  await emptyTables(sql);
  const simulator = await startStripeSimulator({ preset: "unlimited", seed: 1, now: START });
  try {
    const time = createTime(START, (at) => simulator.control.setClock({ at, frozen: true }));
    const result = await use({
      sql,
      stripe: simulator.control,
      time,
      byHand: async (path, params = {}) => {
        const headers = { authorization: "Bearer sk_test_bench" };
        const body = new URLSearchParams(params);
        const response = await fetch(`${simulator.apiBase}${path}`, { method: "POST", headers, body });
        await response.body?.cancel();
        return response.status;
      },
      databaseUrl: database.url,
      adminUrl: database.adminUrl,
      crashDatabase: async () => {
        await databases.server.restart("immediate");
        await reconnect();
      },
      cutConnections: async () => {
        await withConnection(database.adminUrl, (admin) =>
          // Each within five seconds, and gone when this is answered.
          admin`select pg_terminate_backend(pid, 5000) from pg_stat_activity
            where datname = current_database() and application_name = ${FUNCTION}`);
        await reconnect();
      },
      run: (options) => runJob({ ...options, time, apiBase: simulator.apiBase }),
    });
    const defects = simulator.control.defects();
    if (defects.length > 0) throw new Error(defects.join("\n"));
    return result;
  } finally {
    await simulator.close();
  }
}

/** The step that was struck finds out by itself. No later one does: whether it met a connection that is gone would be a matter of chance. */
async function reconnect(): Promise<void> {
  await Promise.all(Array.from({ length: CONNECTIONS }, () => functionSql`select`.catch(() => {})));
}

/** As no operator may set it: the tests' time is their own, and they want the lease to run out while a run still works. */
export async function leaseShorterThanTheRun({ sql }: Bench, lease: string): Promise<void> {
  await sql`alter table lapse.settings drop constraint if exists run_fits_lease`;
  await sql`update lapse.settings set lease = ${lease}, run_seconds = 300, claim_seconds = 290`;
}

export { ON_HAND };

/** Longer than any honest answer of the simulator takes on a busy machine. */
const PATIENCE_MS = 5_000;

async function runJob(
  { job = "expire-stale-orders", atStep, run, time, apiBase, timeoutMs = PATIENCE_MS }: RunOptions & {
    time: SimulatedTime;
    apiBase: string;
  },
): Promise<RunOutcome> {
  const wire = createWire(atStep);
  const lines: string[] = [];
  const impatient: typeof fetch = (input, init) =>
    fetch(input, { ...init, signal: AbortSignal.any([init!.signal!, AbortSignal.timeout(timeoutMs)]) });
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
    database: createDatabase(createRpc(clientOver(wire, createDirectCall(functionSql, time.now)))),
    stripe: () => ({ secretKey: "sk_test_bench", apiBase }),
    log: createLog({}, (line) => lines.push(line)),
    world: { fetch: fetchOver(wire, impatient), clockFrom: () => time.clockOf(wire.idle) },
  });
  const report = await Promise.race([
    // What the function answers with a 500: nothing began.
    started.then(({ ended }) => ended, () => null).then((ended) => ended?.report ?? null),
    wire.dead.then(() => null),
  ]);
  if (Deno.env.get("LAPSE_PROOF_LOG")) console.log(lines.join("\n"));
  return { report, steps: wire.steps };
}
