import { serveJob } from "../_shared/http/serve-job.ts";
import { edgeWorker } from "../_shared/http/worker.ts";
import { NOTHING_DUE } from "../_shared/run/job.ts";

Deno.serve(serveJob({
  name: "expire-stale-orders",
  job: {
    usesStripe: true,
    // Loaded when there is something to do: by then the caller has its answer, and most ticks find nothing due.
    work: async (ports, task) =>
      task.due === 0 ? NOTHING_DUE : (await import("./expire-stale-orders.ts")).expireStaleOrders(ports, task),
  },
  readVariable: (name) => Deno.env.get(name),
  worker: edgeWorker(),
}));
