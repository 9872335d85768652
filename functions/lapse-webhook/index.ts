import { serveWebhook } from "../_shared/http/serve-webhook.ts";
import { withVersion } from "../_shared/http/with-version.ts";

const readVariable = (name: string) => Deno.env.get(name);
const serve = serveWebhook({
  readVariable,
  receive: async (event, ports) => (await import("./webhook.ts")).receiveEvent(event, ports),
});

/** Receives Stripe's events. Each one leads to a read of its payment, whose result is recorded. Only Stripe's signature grants access. */
Deno.serve(withVersion(serve, readVariable));
