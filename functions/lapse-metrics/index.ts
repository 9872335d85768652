import { serveMetrics } from "../_shared/http/serve-metrics.ts";
import { withVersion } from "../_shared/http/with-version.ts";
import { readMetrics } from "./metrics.ts";

const readVariable = (name: string) => Deno.env.get(name);

/** Serves the counters of both jobs and the open alerts to Prometheus, to callers with `LAPSE_METRICS_TOKEN`. */
Deno.serve(withVersion(serveMetrics({ readVariable, read: readMetrics }), readVariable));
