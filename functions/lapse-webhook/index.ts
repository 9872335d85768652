import { serveWebhook } from "../_shared/http/serve-webhook.ts";

/** Stripe's events: each leads to a read of its payment, and what was read is recorded. Opened by Stripe's signature alone. */
Deno.serve(serveWebhook({
  readVariable: (name) => Deno.env.get(name),
  receive: async (event, ports) => (await import("./webhook.ts")).receiveEvent(event, ports),
}));
