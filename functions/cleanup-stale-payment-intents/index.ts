import { edgeWorker, serveJob } from "../_shared/http/serve-job.ts";

Deno.serve(serveJob({
  name: "cleanup-stale-payment-intents",
  job: {
    usesStripe: true,
    // The job is loaded after the run has begun, when the caller already has its answer.
    work: async (...run) => (await import("./cleanup-stale-payment-intents.ts")).cleanupStalePaymentIntents(...run),
  },
  readVariable: (name) => Deno.env.get(name),
  worker: edgeWorker(),
}));
