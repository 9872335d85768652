import { serveMetrics } from "../_shared/http/serve-metrics.ts";
import { readMetrics } from "./metrics.ts";

/** Serves the counters of both jobs and the open alerts to Prometheus, to callers with `LAPSE_METRICS_TOKEN`. */
Deno.serve(serveMetrics({ readVariable: (name) => Deno.env.get(name), read: readMetrics }));
