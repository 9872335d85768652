import { serveWebhook } from "../_shared/http/serve-webhook.ts";

/** Receives Stripe's events. Each one leads to a read of its payment, whose result is recorded. Only Stripe's signature grants access. */
Deno.serve(serveWebhook({
  readVariable: (name) => Deno.env.get(name),
  receive: async (event, ports) => (await import("./webhook.ts")).receiveEvent(event, ports),
}));
