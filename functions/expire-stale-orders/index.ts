import { edgeWorker, serveJob } from "../_shared/http/serve-job.ts";
import { NOTHING_DUE } from "../_shared/run/job.ts";

Deno.serve(serveJob({
  name: "expire-stale-orders",
  job: {
    usesStripe: true,
    // The job is loaded only when orders are due: the caller already has its answer, and most ticks find nothing.
    work: async (ports, task) =>
      task.due === 0 && !task.refundsDue
        ? NOTHING_DUE
        : (await import("./expire-stale-orders.ts")).expireStaleOrders(ports, task),
  },
  readVariable: (name) => Deno.env.get(name),
  worker: edgeWorker(),
}));
