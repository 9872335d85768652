import { type CallStatistics, createBudgetedFetch } from "../budget/budgeted-fetch.ts";
import { createCallBudget } from "../budget/call-budget.ts";
import { createExpectedCalls } from "../budget/expected-calls.ts";
import type { BeginAnswer } from "../database/contracts.ts";
import type { JobsDatabase, NewRun } from "../database/jobs-database.ts";
import type { StripeEnvironment } from "../environment.ts";
import { ConfigurationError, LeaseLostError, reasonOf } from "../errors.ts";
import type { StripeGateway } from "../stripe/gateway.ts";
import { type Clock, clockFrom } from "./clock.ts";
import type { Job, JobResult, Ports, RunOrders } from "./job.ts";
import type { Log } from "./log.ts";
import { reportOf, type RunReport } from "./report.ts";

export type StartRunOptions = {
  run: NewRun;
  job: Job;
  database: JobsDatabase;
  /** Parses the Stripe half of the environment; may throw ConfigurationError. */
  stripe: () => StripeEnvironment;
  log: Log;
  /** The network and the time; left out, the real ones. A simulation brings its own, so that days pass in milliseconds. */
  world?: World;
};

export type World = { fetch: typeof fetch; clockFrom: (databaseNow: Date) => Clock };

/** A run that was begun, or refused. `ended` settles when it is over; it never rejects. */
export type StartedRun = { answer: BeginAnswer["answer"]; ended: Promise<RunEnded> };
export type RunEnded = { report: RunReport; configurationError: string | null };

/** Time of one attempt on the wire; the SDK's own limit also covers the wait for a slot of the call budget. */
const ATTEMPT_TIMEOUT_MS = 10_000;
const CALL_TIMEOUT_MS = 80_000;

/**
 * Begins a run and works it off in the background: lease, brake, the job, the end, a continuation if work is left.
 *
 * @throws DatabaseError when not even the beginning could be written.
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
  return { answer: "running", ended: workOff(begun, { ...options, log }) };
}

type Running = Extract<BeginAnswer, { answer: "running" }>;

async function workOff(
  begun: Running,
  { job, database, stripe, log, world = { fetch: globalThis.fetch, clockFrom } }: StartRunOptions,
): Promise<RunEnded> {
  const clock = world.clockFrom(begun.now);
  const deadline = deadlineOf(begun);
  const expected = createExpectedCalls();
  const statistics = { calls: 0, throttled: 0, callsByEndpoint: {} };
  let configurationError: string | null = null;
  let result: JobResult;
  try {
    const environment = stripe();
    result = begun.due === 0 ? { status: "succeeded", error: null, workLeft: false } : await job({
      database,
      gateway: await openGateway(environment, {
        database,
        expected,
        clock,
        log,
        deadline,
        statistics,
        fetch: world.fetch,
      }),
      expected,
      clock,
      log,
      deadline,
    }, ordersOf(begun));
  } catch (error) {
    if (error instanceof ConfigurationError) configurationError = error.message;
    log.error("run_broke", { error: reasonOf(error), lease_lost: error instanceof LeaseLostError });
    result = { status: "failed", error: reasonOf(error), workLeft: false };
  }
  return { report: await endRun(begun, result, { database, log, statistics }), configurationError };
}

type GatewayOptions = Pick<Ports, "database" | "expected" | "clock" | "log" | "deadline"> & {
  statistics: CallStatistics;
  fetch: typeof fetch;
};

/**
 * Stripe, at the pace of the call budget. Its SDK takes as long to load as the rest of the function together, so it is loaded when
 * there is something to ask: the scheduler has its answer by then, and most ticks have nothing to ask at all.
 */
async function openGateway(
  { secretKey, apiBase }: StripeEnvironment,
  { database, expected, clock, log, deadline, statistics, fetch }: GatewayOptions,
): Promise<StripeGateway> {
  const { createStripeGateway } = await import("../stripe/gateway.ts");
  const gateway: StripeGateway = createStripeGateway({
    secretKey,
    apiBase,
    timeoutMs: CALL_TIMEOUT_MS,
    fetch: createBudgetedFetch({
      fetch,
      budget: createCallBudget({
        clock,
        deadline: deadline.call,
        reserve: (endpoint, count) => database.reserveCalls(gateway.livemode, endpoint, count),
        report: (endpoint, scope) => database.reportThrottle(gateway.livemode, endpoint, scope),
      }),
      expected,
      timeoutMs: ATTEMPT_TIMEOUT_MS,
      statistics,
      onThrottled: (endpoint, reason) => log.info("throttled", { endpoint, reason }),
      onUnreported: (endpoint, error) => log.error("throttle_unreported", { endpoint, error: reasonOf(error) }),
    }),
  });
  return gateway;
}

type EndOptions = {
  database: JobsDatabase;
  log: Log;
  statistics: { calls: number; throttled: number; callsByEndpoint: Record<string, number> };
};

async function endRun(
  begun: Running,
  result: JobResult,
  { database, log, statistics }: EndOptions,
): Promise<RunReport> {
  const runId = begun.run.id;
  let row = begun.run;
  try {
    row = await database.finishRun({
      runId,
      status: result.status,
      error: result.error,
      stripeCalls: statistics.calls,
      stripeThrottled: statistics.throttled,
    });
    // A run that got nowhere would be continued by another one like it, and so on without a pause. The next tick goes on instead.
    const gotSomewhere = statistics.calls > 0 || row.payments_expired > 0;
    if (result.workLeft && gotSomewhere && !begun.run.dry_run) {
      // After the lease is given back: a continuation that found it taken would give up.
      log.info("run_continued", { by: await database.continueRun(runId) });
    }
  } catch (error) {
    // The watch marks the run lost and the next tick goes on: nothing depends on this call.
    log.error("run_end_broke", { error: reasonOf(error) });
  }
  log.info("run_closed", {
    status: row.status,
    error: row.error,
    duration_ms: row.duration_ms,
    payments_expired: row.payments_expired,
    stock_released: row.stock_released,
    orders_paid: row.orders_paid,
    orders_waiting: row.orders_waiting,
    orders_retried: row.orders_retried,
    orders_quarantined: row.orders_quarantined,
    payment_intents_canceled: row.payment_intents_canceled,
    checkout_sessions_expired: row.checkout_sessions_expired,
    late_payments: row.late_payments,
    backlog: row.backlog,
    stripe_calls: statistics.callsByEndpoint,
    stripe_throttled: statistics.throttled,
  });
  return reportOf(row, result.decisions);
}

function ordersOf({ run, settings }: Running): RunOrders {
  const common = { limit: run.item_limit ?? Number.POSITIVE_INFINITY, settings };
  if (run.dry_run) return { ...common, lease: null, dryRun: true };
  if (run.fence === null) throw new Error(`Cannot work on run ${run.id} without a fence: current value is null`);
  return { ...common, lease: { runId: run.id, fence: run.fence }, dryRun: false };
}

function deadlineOf({ settings, now }: Running) {
  return {
    claim: new Date(now.getTime() + settings.claimSeconds * 1_000),
    call: new Date(now.getTime() + settings.runSeconds * 1_000),
  };
}
