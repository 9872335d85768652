import postgres from "postgres";
import { type Databases, startDatabases } from "../../../local/platform/databases.ts";
import { type Database, withConnection } from "../../../local/postgres/databases.ts";
import { setVaultEntries } from "../../../local/stack/vault.ts";
import type { StripeControl } from "../../../local/stripe-simulator/control.ts";
import { startStripeSimulator, type StripeSimulator } from "../../../local/stripe-simulator/start.ts";
import { replaceLostConnections } from "../../support/lost-connections.ts";
import { inWords, shopOptions, teachWords } from "../../support/shop-under-test.ts";
import { emptyTables, ON_HAND } from "./empty-tables.ts";
import { createDirectCall } from "./direct-call.ts";
import { runJob, type RunOptions, type RunOutcome } from "./run-job.ts";
import { createTime, type SimulatedTime } from "./time.ts";
import { openWebhook, type Webhook } from "./webhook.ts";

export type { JobName, RunOptions, RunOutcome } from "./run-job.ts";

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
  /** The server ends every connection of the jobs. */
  cutConnections(): Promise<void>;
  /** Runs a job in a process of its own, until it ends or dies. */
  run(options?: RunOptions): Promise<RunOutcome>;
  /** Stripe delivers one of its events, by its id, to the webhook. None is delivered otherwise. */
  deliver: Webhook["deliver"];
};

/** A Sunday in November, in the hour of the weekly clean-up. */
const START = new Date("2026-11-22T03:30:00Z");

let databases: Databases;
let place: Place;
/** How the jobs' connections are called in the server. */
export const FUNCTION = "function";
const CONNECTIONS = 4;

/** Call once at the top of a test file: one server and one database for all its benches. `patient`: Lapse waits for locks without end. */
export function useBenches({ patient = false } = {}): void {
  Deno.test.beforeAll(async () => {
    databases = await startDatabases(shopOptions());
    const database = await databases.fresh();
    await teachWords(database);
    await setVaultEntries(database.adminUrl, {
      lapse_functions_url: "https://functions.test",
      lapse_scheduler_secret: "not-a-secret-but-long-enough-for-one",
    });
    if (patient) await makePatient(database);
    // A copy made with wal_level = minimal lacks the sequences of unlogged tables until a checkpoint; a crash before it would break them.
    await withConnection(database.adminUrl, (admin) => admin`checkpoint`);
    place = openPlace(database);
  });
  Deno.test.afterAll(async () => {
    await place.close();
    await databases.stop();
  });
}

/** Lapse gives way after 200 ms. A test that strikes while it waits would miss it on a busy machine. */
async function makePatient({ adminUrl }: Database): Promise<void> {
  await withConnection(adminUrl, (admin) =>
    admin`
      do $$
      declare
        v_function oid;
      begin
        for v_function in
          select p.oid from pg_proc p where p.pronamespace = 'lapse'::regnamespace and p.prosrc like '%200ms%'
        loop
          execute replace(pg_get_functiondef(v_function), '200ms', '10min');
        end loop;
      end $$`);
}

/** A database of a bench, and the connections to it: a test's, and those that the API keeps open for the jobs. */
type Place = { database: Database; sql: postgres.Sql; functionSql: postgres.Sql; close(): Promise<void> };

export function openPlace(database: Database): Place {
  const sql = inWords(postgres(database.url, { max: 4, onnotice: () => {} }));
  const functionSql = postgres(database.url, {
    max: CONNECTIONS,
    onnotice: () => {},
    backoff: () => 0.02,
    connection: { application_name: FUNCTION },
  });
  const close = async () => void await Promise.all([sql, functionSql].map((pool) => pool.end({ timeout: 1 })));
  return { database, sql, functionSql, close };
}

/** Opens a bench on empty tables, with calls hardly paced, uses it and closes it. About 15 ms. */
export async function withBench<T>(use: (bench: Bench) => Promise<T>): Promise<T> {
  await emptyTables(place.sql);
  const simulator = await startStripeSimulator({ preset: "unlimited", seed: 1, now: START });
  const { bench, close } = openBench({ place, simulator, server: databases.server, start: START });
  try {
    const result = await use(bench);
    const defects = simulator.control.defects();
    if (defects.length > 0) throw new Error(defects.join("\n"));
    return result;
  } finally {
    await close();
    await simulator.close();
  }
}

type BenchParts = { place: Place; simulator: StripeSimulator; server: Databases["server"]; start: Date };

/** A bench on the present contents of database and Stripe. From now on the test controls the time, also Stripe's. */
export function openBench(
  { place: { database, sql, functionSql }, simulator, server, start }: BenchParts,
): { bench: Bench; close(): Promise<void> } {
  const { control: stripe, apiBase } = simulator;
  const time = createTime(start, (at) => stripe.setClock({ at, frozen: true }));
  const webhook = openWebhook({ stripe, apiBase, time, call: createDirectCall(functionSql, time.now) });
  const bench: Bench = {
    sql,
    stripe,
    time,
    byHand: async (path, params = {}) => {
      const headers = { authorization: "Bearer sk_test_bench" };
      const response = await fetch(`${apiBase}${path}`, { method: "POST", headers, body: new URLSearchParams(params) });
      await response.body?.cancel();
      return response.status;
    },
    databaseUrl: database.url,
    adminUrl: database.adminUrl,
    crashDatabase: async () => {
      await server.restart("immediate");
      // Later steps get new connections, because whether they notice the loss would be chance. The struck step notices it itself.
      await replaceLostConnections(functionSql);
    },
    cutConnections: async () => {
      await withConnection(database.adminUrl, (admin) =>
        // Each within five seconds, and gone when this is answered.
        admin`select pg_terminate_backend(pid, 5000) from pg_stat_activity
          where datname = current_database() and application_name = ${FUNCTION}`);
      await replaceLostConnections(functionSql);
    },
    run: (options) => runJob({ ...options, sql: functionSql, time, apiBase }),
    deliver: webhook.deliver,
  };
  return { bench, close: webhook.close };
}

/** As no operator may set it: the tests' time is their own, and they want the lease to run out while a run still works. */
export async function leaseShorterThanTheRun({ sql }: Bench, lease: string): Promise<void> {
  await sql`alter table lapse.settings drop constraint if exists run_fits_lease`;
  await sql`update lapse.settings set lease = ${lease}, run_seconds = 300, claim_seconds = 290`;
}

export { ON_HAND };
