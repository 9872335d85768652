import { keepAlive } from "../_shared/http/keep-alive.ts";
import { serveJob } from "../_shared/http/serve-job.ts";

Deno.serve(serveJob({
  name: "cleanup-stale-payment-intents",
  // Loaded when a run has something to do: by then the caller has its answer, and most ticks find nothing due.
  job: async (...run) => (await import("./cleanup-stale-payment-intents.ts")).cleanupStalePaymentIntents(...run),
  readVariable: (name) => Deno.env.get(name),
  waitUntil: keepAlive,
}));
