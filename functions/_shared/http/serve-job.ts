import { createAdminClient } from "@supabase/server/core";
import { createJobsDatabase, type JobsDatabase } from "../database/jobs-database.ts";
import { createRpc } from "../database/rpc.ts";
import {
  parsePlatformEnvironment,
  parseStripeEnvironment,
  type PlatformEnvironment,
  type ReadVariable,
} from "../environment.ts";
import { ConfigurationError, reasonOf } from "../errors.ts";
import type { Job } from "../run/job.ts";
import { createLog, type Log } from "../run/log.ts";
import { startRun } from "../run/start-run.ts";
import { passGate } from "./gate.ts";
import { parseJobRequest } from "./job-request.ts";

export type ServeJobOptions = {
  name: string;
  job: Job;
  readVariable: ReadVariable;
  /** Keeps the worker alive until the run is over (`EdgeRuntime.waitUntil`). */
  waitUntil: (work: Promise<unknown>) => void;
  log?: Log;
};

/**
 * The HTTP edge of a job: method, gate, body, run.
 *
 * Answers 202 with the run's id as soon as the run has begun, because pg_net sends one batch at a time for the whole project and
 * a slow answer would hold up every other webhook of the shop. With `wait` it answers 200 with the whole run.
 * Errors: 400, 401, 403, 405, 413 change nothing; 500 names what is misconfigured or broke, never a value.
 */
export function serveJob(options: ServeJobOptions): (request: Request) => Promise<Response> {
  const log = options.log ?? createLog();
  return async (request) => {
    try {
      return await handle(request, { ...options, log });
    } catch (error) {
      log.error("request_broke", { job: options.name, error: reasonOf(error) });
      const known = error instanceof ConfigurationError;
      return refuse(
        500,
        known ? "configuration" : "internal",
        known ? error.message : `Cannot start run: ${reasonOf(error)}`,
      );
    }
  };
}

async function handle(request: Request, options: Required<ServeJobOptions>): Promise<Response> {
  if (request.method !== "POST") return refuse(405, "method", "Only POST starts a run", { headers: { allow: "POST" } });

  const environment = parsePlatformEnvironment(options.readVariable);
  const { caller, refusal } = await passGate(request, environment);
  if (refusal) return refuse(refusal.status, "credentials", refusal.message);

  const parsed = await parseJobRequest(request, caller);
  if (parsed.request === null) {
    return refuse(parsed.status, "body", "The request cannot be used", { issues: parsed.issues });
  }
  const { wait, ...asked } = parsed.request;

  const { answer, ended } = await startRun({
    run: { ...asked, job: options.name, trigger: caller.trigger, requestedBy: caller.requestedBy },
    job: options.job,
    database: connect(environment),
    stripe: () => parseStripeEnvironment(options.readVariable),
    log: options.log,
  });
  options.waitUntil(ended);
  if (!wait && answer !== "failed") return Response.json({ runId: asked.runId }, { status: 202 });

  const { report, configurationError } = await ended;
  if (configurationError) return refuse(500, "configuration", configurationError, { runId: asked.runId });
  return Response.json(report);
}

function connect(environment: PlatformEnvironment): JobsDatabase {
  const client = createAdminClient({
    env: {
      url: environment.supabaseUrl,
      publishableKeys: environment.publishableKeys,
      secretKeys: environment.secretKeys,
    },
  });
  return createJobsDatabase(createRpc(client));
}

function refuse(
  status: number,
  code: string,
  message: string,
  { headers, ...more }: { headers?: HeadersInit; issues?: unknown; runId?: string } = {},
): Response {
  return Response.json({ error: { code, message, ...more } }, { status, headers });
}
