import { createEventDatabase } from "../database/events.ts";
import {
  parseProject,
  parseStripe,
  parseWebhookSecrets,
  type Project,
  type ReadVariable,
  type StripeEnvironment,
} from "../environment.ts";
import { messageOf } from "../errors.ts";
import { clockFrom } from "../run/clock.ts";
import { createLog, type Log } from "../run/log.ts";
import type { ReceiveEvent, WebhookPorts } from "../run/webhook.ts";
import { answer, answerMethod, readBounded, refuse } from "./answer.ts";
import { connect } from "./connect.ts";

export type ServeWebhookOptions = {
  readVariable: ReadVariable;
  receive: ReceiveEvent;
  log?: Log;
  /** Network and time; by default the real ones. */
  fetch?: typeof fetch;
  now?: () => number;
};

/** All known events of Stripe are smaller than 100 kB. */
const MAX_BODY_BYTES = 500_000;
const DELIVER_AGAIN = "The event could not be handled; Stripe must deliver it again";

/**
 * Serves the webhook over HTTP: checks method, size and signature, then handles the event.
 *
 * 200: the event was handled, or does not concern this shop. 500: Stripe should deliver it again. 400, 401, 405, 413: the request is not
 * Stripe's or cannot be read; nothing was changed, and Stripe was not asked. Only the log says what is misconfigured.
 */
export function serveWebhook(options: ServeWebhookOptions): (request: Request) => Promise<Response> {
  const { receive, now, fetch = globalThis.fetch, log = createLog({ function: "lapse-webhook" }) } = options;
  // Created once per worker, because a worker's CPU time adds up over its life.
  let environment: Environment | null = null;
  let verifier: Verify | undefined;
  let ports: WebhookPorts | undefined;
  return async (request) => {
    const otherMethod = answerMethod(request, ["POST"]);
    if (otherMethod) return otherMethod;
    environment ??= readEnvironment(options.readVariable, log);
    const signature = request.headers.get("stripe-signature");
    if (!signature) return refuse(401, "signature", "Only events with Stripe's signature are accepted");
    if (environment === null) return refuse(500, "configuration", DELIVER_AGAIN);
    try {
      const body = await readBounded(request, MAX_BODY_BYTES);
      if (body === null) return refuse(413, "body", `The event is larger than ${MAX_BODY_BYTES} bytes`);
      // Loaded only for requests with a signature.
      verifier ??= (await import("../stripe/events.ts")).createVerifier(environment.secrets, now);
      const { event, refused } = await verifier(body, signature);
      if (refused === "signature") return refuse(401, "signature", "Only events with Stripe's signature are accepted");
      if (refused) return refuse(400, "body", "The event cannot be read");

      const { redeliver, code } = await receive(event, ports ??= portsOf(environment, { fetch, log }));
      log.info("event", { event_id: event.id, type: event.type, payment: event.payment?.id, code, redeliver });
      return redeliver ? refuse(500, code, "Stripe must deliver the event again") : answer({ received: true, code });
    } catch (error) {
      log.error("request_failed", { error: messageOf(error) });
      return refuse(500, "internal", DELIVER_AGAIN);
    }
  };
}

type Verify = ReturnType<typeof import("../stripe/events.ts").createVerifier>;
type Environment = { project: Project; stripe: StripeEnvironment; secrets: string[] };

/** Null if a variable is missing or malformed. Only the log says which. */
function readEnvironment(read: ReadVariable, log: Log): Environment | null {
  try {
    return { project: parseProject(read), stripe: parseStripe(read), secrets: parseWebhookSecrets(read) };
  } catch (error) {
    log.error("request_failed", { error: messageOf(error) });
    return null;
  }
}

function portsOf(
  { project, stripe }: Environment,
  { fetch, log }: { fetch: typeof globalThis.fetch; log: Log },
): WebhookPorts {
  return {
    database: createEventDatabase(connect(project)),
    livemode: /^.k_live_/.test(stripe.secretKey),
    async openStripe(options) {
      const { openStripe } = await import("../stripe/gateway.ts");
      const statistics = { calls: 0, throttled: 0, callsByEndpoint: {} };
      const onThrottled = (endpoint: string, limit: string) => log.info("throttled", { endpoint, limit });
      return openStripe({ ...stripe, ...options, fetch, statistics, onThrottled });
    },
    clockFrom,
    log,
  };
}
