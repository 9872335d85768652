import { parseProject } from "../_shared/environment.ts";
import { answer, answerMethod } from "../_shared/http/answer.ts";
import { connect } from "../_shared/http/connect.ts";
import { withVersion } from "../_shared/http/with-version.ts";
import { createLog } from "../_shared/run/log.ts";
import { createHealthCheck } from "./health.ts";

const readVariable = (name: string) => Deno.env.get(name);

/**
 * Tells a monitor outside the project whether the jobs work: 200 `{ status: "ok" }`, or 503 `{ status: "unhealthy", reasons }`. HEAD
 * answers the status alone.
 *
 * Needs no credentials and reveals only codes. It depends neither on pg_cron nor on the watch, so it notices when those stop.
 */
const checkHealth = createHealthCheck({
  connect: () => connect(parseProject(readVariable)),
  log: createLog({ function: "lapse-health" }),
  clock: () => performance.now(),
});

async function serve(request: Request): Promise<Response> {
  const otherMethod = answerMethod(request, ["GET", "HEAD"]);
  if (otherMethod) return otherMethod;
  const { reasons } = await checkHealth();
  return reasons.length === 0 ? answer({ status: "ok" }) : answer({ status: "unhealthy", reasons }, { status: 503 });
}

Deno.serve(withVersion(serve, readVariable));
