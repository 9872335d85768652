import type { Database } from "../database/database.ts";
import type { BeginAnswer, NewRun } from "../database/runs.ts";
import type { StripeEnvironment } from "../environment.ts";
import { ConfigurationError, LeaseLostError, messageOf } from "../errors.ts";
import type { CallStatistics } from "../stripe/calls.ts";
import type { StripeGateway } from "../stripe/gateway.ts";
import { type Clock, clockFrom } from "./clock.ts";
import type { Job, JobResult, Ports, Task } from "./job.ts";
import type { Log } from "./log.ts";
import { logFieldsOf, reportOf, type RunReport } from "./report.ts";

export type StartRunOptions = {
  run: NewRun;
  job: Job;
  database: Database;
  /** Parses the Stripe half of the environment; may throw ConfigurationError. */
  stripe: () => StripeEnvironment;
  log: Log;
  /** Aborted when the platform is about to end this worker. */
  retired?: AbortSignal;
  /** Network and time; by default the real ones. A simulation passes its own, so that days go by in milliseconds. */
  world?: World;
};

export type World = { fetch: typeof fetch; clockFrom: (databaseNow: Date) => Clock };

/** A run that was begun or refused. `ended` settles when it is over and never rejects. */
export type StartedRun = { answer: BeginAnswer["answer"]; ended: Promise<EndedRun> };
type EndedRun = { report: RunReport; configurationError: string | null };

type Running = Extract<BeginAnswer, { answer: "running" }>;

/**
 * Begins a run (lease, brake) and carries it out in the background: runs the job, finishes the run, starts a continuation if work is left.
 *
 * @throws DatabaseError when the run could not be begun.
 */
export async function startRun(options: StartRunOptions): Promise<StartedRun> {
  const { run, database } = options;
  const begun = await database.beginRun(run);
  const log = options.log.with({ run_id: run.runId, job: run.job });
  if (begun.answer !== "running") {
    log.info("run_refused", { answer: begun.answer, error: begun.run.error });
    const report = reportOf(begun.run);
    const configurationError = begun.answer === "failed" ? begun.run.error : null;
    return { answer: begun.answer, ended: Promise.resolve({ report, configurationError }) };
  }
  log.info("run_started", { trigger: begun.run.trigger, dry_run: begun.run.dry_run, due: begun.due });
  return { answer: "running", ended: carryOut(begun, { ...options, log }) };
}

async function carryOut(begun: Running, options: StartRunOptions): Promise<EndedRun> {
  const { job, log } = options;
  const statistics: CallStatistics = { calls: 0, throttled: 0, callsByEndpoint: {} };
  let configurationError: string | null = null;
  let result: JobResult;
  try {
    const environment = job.usesStripe ? options.stripe() : null;
    result = await job.work(portsOf(begun, environment, statistics, options), taskOf(begun));
  } catch (error) {
    if (error instanceof ConfigurationError) configurationError = error.message;
    log.error("run_failed", { error: messageOf(error), lease_lost: error instanceof LeaseLostError });
    result = { status: "failed", error: messageOf(error), workLeft: false };
  }
  return { report: await finishRun(begun, result, statistics, options), configurationError };
}

function portsOf(
  { now, settings, paymentsPerSecond }: Running,
  environment: StripeEnvironment | null,
  statistics: CallStatistics,
  { database, log, retired = new AbortController().signal, world = { fetch: globalThis.fetch, clockFrom } }:
    StartRunOptions,
): Ports {
  const clock = world.clockFrom(now);
  const deadline = {
    claim: new Date(now.getTime() + settings.claimSeconds * 1_000),
    call: new Date(now.getTime() + settings.runSeconds * 1_000),
  };
  let opened: Promise<StripeGateway> | undefined;
  async function open(): Promise<StripeGateway> {
    if (environment === null) throw new Error("Cannot open Stripe: this job declares that it does not use Stripe");
    const { openStripe } = await import("../stripe/gateway.ts");
    const gateway = openStripe({
      ...environment,
      fetch: world.fetch,
      clock,
      deadline: deadline.call,
      paymentsPerSecond,
      statistics,
      onThrottled: (endpoint, limit) => log.info("throttled", { endpoint, limit }),
    });
    if (retired.aborted) gateway.close();
    retired.addEventListener("abort", gateway.close, { once: true });
    return gateway;
  }
  return { database, openStripe: () => opened ??= open(), clock, log, deadline, retired };
}

function taskOf({ run, settings, due, refundsDue, waitForShare }: Running): Task {
  const limit = run.item_limit ?? Number.POSITIVE_INFINITY;
  const task = { job: run.job, due, refundsDue, waitForShare, settings, limit };
  if (run.dry_run) return { ...task, lease: null };
  if (run.fence === null) throw new Error(`Cannot start run ${run.id}: the database gave it no fence`);
  return { ...task, lease: { runId: run.id, fence: run.fence } };
}

async function finishRun(
  { run }: Running,
  result: JobResult,
  { calls, throttled, callsByEndpoint }: CallStatistics,
  { database, log }: StartRunOptions,
): Promise<RunReport> {
  let row = run;
  try {
    row = await database.finishRun({
      runId: run.id,
      status: result.status,
      error: result.error,
      stripeCalls: calls,
      stripeThrottled: throttled,
    });
    // Only after the lease is released: a continuation that finds it taken gives up.
    if (result.workLeft && row.status !== "braked") {
      log.info("run_continued", { by: await database.continueRun(run.id) });
    }
  } catch (error) {
    // Nothing depends on these calls: the watch marks the run lost, and the next tick continues.
    log.error("run_finish_failed", { error: messageOf(error) });
  }
  log.info("run_finished", { ...logFieldsOf(row), stripe_calls: callsByEndpoint, stripe_throttled: throttled });
  return reportOf(row, result.preview);
}
