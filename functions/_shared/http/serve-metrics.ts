import type { Rpc } from "../database/rpc.ts";
import { parseMetricsToken, parseProject, type ReadVariable } from "../environment.ts";
import { messageOf } from "../errors.ts";
import { createLog, type Log } from "../run/log.ts";
import { answerMethod, refuse } from "./answer.ts";
import { connect as connectTo } from "./connect.ts";
import { matchesAny } from "./gate.ts";

export type ServeMetricsOptions = {
  readVariable: ReadVariable;
  /** Returns the metrics as text, with `openMetrics` in the OpenMetrics format. */
  read: (rpc: Rpc, format: { openMetrics: boolean }) => Promise<string>;
  log?: Log;
  /** By default a client with the project's secret key. */
  connect?: (readVariable: ReadVariable) => Rpc;
};

const PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8";
const OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/**
 * Serves the metrics over HTTP. 401: the caller lacks the token. 503: the database did not answer. Only the log says what is
 * misconfigured, because callers may be strangers.
 */
export function serveMetrics(options: ServeMetricsOptions): (request: Request) => Promise<Response> {
  const {
    readVariable,
    read,
    connect = (read) => connectTo(parseProject(read)),
    log = createLog({ function: "lapse-metrics" }),
  } = options;
  return async (request) => {
    const otherMethod = answerMethod(request, ["GET"]);
    if (otherMethod) return otherMethod;
    if (!await isAllowed(request, readVariable, log)) {
      return refuse(401, "credentials", "Only callers with the metrics token may read the metrics");
    }
    try {
      const openMetrics = request.headers.get("accept")?.includes("application/openmetrics-text") ?? false;
      const text = await read(connect(readVariable), { openMetrics });
      return new Response(text, {
        headers: { "content-type": openMetrics ? OPENMETRICS : PROMETHEUS, "cache-control": "no-store" },
      });
    } catch (error) {
      log.error("metrics_unknown", { error: messageOf(error) });
      return refuse(503, "database", "The metrics cannot be read now");
    }
  };
}

async function isAllowed(request: Request, readVariable: ReadVariable, log: Log): Promise<boolean> {
  try {
    const token = request.headers.get("authorization")?.match(/^Bearer (.+)$/i)?.[1];
    return await matchesAny(token ?? "", [parseMetricsToken(readVariable)]);
  } catch (error) {
    log.error("request_failed", { error: messageOf(error) });
    return false;
  }
}
