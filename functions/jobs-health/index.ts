import { createAdminClient } from "@supabase/server/core";
import { createRpc } from "../_shared/database/rpc.ts";
import { parsePlatformEnvironment } from "../_shared/environment.ts";
import { createLog } from "../_shared/run/log.ts";
import { createHealthCheck } from "./health.ts";

/**
 * Whether the jobs do their work, for a monitor outside the project: 200 `{ status: "ok" }`, or 503 `{ status: "unhealthy", reasons }`.
 *
 * Needs no credentials and tells nothing but codes. It depends neither on pg_cron nor on the watch, so it notices when those stop.
 */
const checkHealth = createHealthCheck({
  connect: () => createRpc(createAdminClient({ env: serverEnvironment() })),
  log: createLog({ function: "jobs-health" }),
  clock: () => performance.now(),
});

Deno.serve(async (request) => {
  const headers = { "cache-control": "no-store" };
  if (request.method !== "GET") {
    const error = { code: "method", message: "Only GET asks for health" };
    return Response.json({ error }, { status: 405, headers: { ...headers, allow: "GET" } });
  }
  const { reasons } = await checkHealth();
  if (reasons.length === 0) return Response.json({ status: "ok" }, { headers });
  return Response.json({ status: "unhealthy", reasons }, { status: 503, headers });
});

function serverEnvironment() {
  const { supabaseUrl, publishableKeys, secretKeys } = parsePlatformEnvironment((name) => Deno.env.get(name));
  return { url: supabaseUrl, publishableKeys, secretKeys };
}
