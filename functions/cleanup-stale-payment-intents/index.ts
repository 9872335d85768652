import { serveJob } from "../_shared/http/serve-job.ts";
import { edgeWorker } from "../_shared/http/worker.ts";

Deno.serve(serveJob({
  name: "cleanup-stale-payment-intents",
  job: {
    usesStripe: true,
    // Loaded when the run has begun: by then the caller has its answer.
    work: async (...run) => (await import("./cleanup-stale-payment-intents.ts")).cleanupStalePaymentIntents(...run),
  },
  readVariable: (name) => Deno.env.get(name),
  worker: edgeWorker(),
}));
