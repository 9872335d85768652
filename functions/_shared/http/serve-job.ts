import { createDatabase } from "../database/database.ts";
import { parseProject, parseSchedulerSecrets, parseStripe, type ReadVariable } from "../environment.ts";
import { ConfigurationError, DatabaseError, messageOf } from "../errors.ts";
import type { Job } from "../run/job.ts";
import { createLog, type Log } from "../run/log.ts";
import { startRun } from "../run/start-run.ts";
import { VERSION } from "../version.ts";
import { answer, answerMethod, refuse } from "./answer.ts";
import { connect } from "./connect.ts";
import { type Caller, type GateResult, passGate, refuseStranger } from "./gate.ts";
import { parseJobRequest } from "./job-request.ts";

/** What Supabase's Edge Runtime adds to Deno (supabase.com/docs/guides/functions/background-tasks). */
declare const EdgeRuntime: { waitUntil(work: Promise<unknown>): void };

/** The worker that executes a function. */
export type Worker = {
  /** Keeps the worker alive until the promise settles, within the platform's limits. */
  waitUntil(work: Promise<unknown>): void;
  /** Aborted when the platform announces the worker's end, for CPU, memory or time. About 200 ms of CPU remain then. */
  retired: AbortSignal;
};

/** The Edge Runtime's worker. Call this once per function, before the first request. */
export function edgeWorker(): Worker {
  const retirement = new AbortController();
  addEventListener("beforeunload", () => retirement.abort());
  return { waitUntil: (work) => EdgeRuntime.waitUntil(work), retired: retirement.signal };
}

export type ServeJobOptions = {
  name: string;
  job: Job;
  readVariable: ReadVariable;
  worker: Worker;
  log?: Log;
};

/**
 * Serves a job over HTTP: checks method, credentials and body, then starts the run.
 *
 * Answers 202 with the run's id as soon as the run has begun, because pg_net sends one batch at a time for the whole project and a slow
 * answer would hold up every other webhook of the shop. With `wait` it answers 200 with the whole run.
 *
 * A request that is answered with 400, 401, 403, 404, 405 or 413 has changed nothing. A 500 names what is misconfigured or failed,
 * never a value, and only to callers with valid credentials.
 */
export function serveJob(options: ServeJobOptions): (request: Request) => Promise<Response> {
  const log = options.log ?? createLog();
  return async (request) => {
    const otherMethod = answerMethod(request, ["POST"]);
    if (otherMethod) return otherMethod;
    const { caller, refusal } = await askGate(request, options, log);
    if (refusal) return refuse(refusal.status, "credentials", refusal.message);
    try {
      return await handle(request, caller, { ...options, log });
    } catch (error) {
      log.error("request_failed", { job: options.name, error: messageOf(error) });
      return refusalOf(error);
    }
  };
}

/** Logs why the gate could not check a caller, and refuses the caller like any stranger. */
async function askGate(request: Request, { name, readVariable }: ServeJobOptions, log: Log): Promise<GateResult> {
  try {
    return await passGate(request, readVariable);
  } catch (error) {
    log.error("request_failed", { job: name, error: messageOf(error) });
    return refuseStranger();
  }
}

async function handle(request: Request, caller: Caller, options: Required<ServeJobOptions>): Promise<Response> {
  const { name, job, readVariable, worker, log } = options;
  const project = parseProject(readVariable);
  const [schedulerSecret] = parseSchedulerSecrets(readVariable);
  const parsed = await parseJobRequest(request, caller);
  if (parsed.request === null) {
    // A run would record that Stripe's key is missing. This request starts none, so the answer says it.
    if (job.usesStripe) parseStripe(readVariable);
    // Only callers with credentials reach this line; the doctor reads the version here.
    const headers = { "x-lapse-version": VERSION };
    return refuse(parsed.status, "body", "The request cannot be used", { headers, issues: parsed.issues });
  }
  const { wait, connect: asksToConnect, ...asked } = parsed.request;
  const functionsUrl = `${project.url.replace(/\/$/, "")}/functions/v1`;
  const database = createDatabase(connect(project), functionsUrl);
  if (asksToConnect) return answer({ functionsUrl: await database.connect(functionsUrl, schedulerSecret!) });

  const { answer: begun, ended } = await startRun({
    run: { ...asked, job: name, trigger: caller.trigger, requestedBy: caller.requestedBy },
    job,
    database,
    stripe: () => parseStripe(readVariable),
    log,
    retired: worker.retired,
  });
  worker.waitUntil(ended);
  if (!wait && begun !== "failed") return answer({ runId: asked.runId }, { status: 202 });

  const { report, configurationError } = await ended;
  if (configurationError) return refuse(500, "configuration", configurationError, { runId: asked.runId });
  return answer(report);
}

/** Maps the database's SQLSTATEs (docs/API_ROUTES.md) to HTTP; anything else is an internal error. */
function refusalOf(error: unknown): Response {
  if (error instanceof ConfigurationError) return refuse(500, "configuration", error.message);
  const code = error instanceof DatabaseError ? error.code : null;
  if (code === "PT404") return refuse(404, "run", messageOf(error));
  if (code === "22023") return refuse(400, "run", messageOf(error));
  return refuse(500, "internal", `Cannot start the run: ${messageOf(error)}`);
}
