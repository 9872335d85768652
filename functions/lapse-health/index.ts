import { createAdminClient } from "@supabase/server/core";
import { createRpc } from "../_shared/database/rpc.ts";
import { parseProject } from "../_shared/environment.ts";
import { answer, answerMethod } from "../_shared/http/answer.ts";
import { createLog } from "../_shared/run/log.ts";
import { createHealthCheck } from "./health.ts";

/**
 * Tells a monitor outside the project whether the jobs work: 200 `{ status: "ok" }`, or 503 `{ status: "unhealthy", reasons }`. HEAD
 * answers the status alone.
 *
 * Needs no credentials and reveals only codes. It depends neither on pg_cron nor on the watch, so it notices when those stop.
 */
const checkHealth = createHealthCheck({
  connect() {
    const { url, publishableKeys, secretKeys } = parseProject((name) => Deno.env.get(name));
    return createRpc(createAdminClient({ env: { url, publishableKeys, secretKeys } }));
  },
  log: createLog({ function: "lapse-health" }),
  clock: () => performance.now(),
});

Deno.serve(async (request) => {
  const otherMethod = answerMethod(request, ["GET", "HEAD"]);
  if (otherMethod) return otherMethod;
  const { reasons } = await checkHealth();
  return reasons.length === 0 ? answer({ status: "ok" }) : answer({ status: "unhealthy", reasons }, { status: 503 });
});
