import { keepAlive } from "../_shared/http/keep-alive.ts";
import { serveJob } from "../_shared/http/serve-job.ts";
import { cleanupStalePaymentIntents } from "./cleanup-stale-payment-intents.ts";

Deno.serve(serveJob({
  name: "cleanup-stale-payment-intents",
  job: cleanupStalePaymentIntents,
  readVariable: (name) => Deno.env.get(name),
  waitUntil: keepAlive,
}));
