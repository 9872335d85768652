import { createAdminClient } from "@supabase/server/core";
import { createEventDatabase } from "../database/events.ts";
import { createRpc } from "../database/rpc.ts";
import {
  parseProject,
  parseStripe,
  parseWebhookSecrets,
  type Project,
  type ReadVariable,
  type StripeEnvironment,
} from "../environment.ts";
import { reasonOf } from "../errors.ts";
import { clockFrom } from "../run/clock.ts";
import { createLog, type Log } from "../run/log.ts";
import type { ReceiveEvent, WebhookPorts } from "../run/webhook.ts";
import { answer, answerMethod, refuse } from "./answer.ts";

export type ServeWebhookOptions = {
  readVariable: ReadVariable;
  receive: ReceiveEvent;
  log?: Log;
  /** The network and the time; left out, the real ones. */
  fetch?: typeof fetch;
  now?: () => number;
};

/** Stripe's own events are below 100 kB, as far as they are known. */
const MAX_BODY_BYTES = 500_000;
const COME_AGAIN = "The event could not be handled, and has to come again";

/**
 * The HTTP edge of the webhook: method, size, signature, event.
 *
 * 200: the event is dealt with, or is none of ours. 500: Stripe should deliver it again. 400, 401, 405, 413: it is not Stripe's, or nobody can
 * read it; nothing was done, and nothing was asked of Stripe. What is misconfigured is told to the log alone.
 */
export function serveWebhook(options: ServeWebhookOptions): (request: Request) => Promise<Response> {
  const { receive, now, fetch = globalThis.fetch, log = createLog({ function: "lapse-webhook" }) } = options;
  // Made once for all events of a worker, whose CPU time adds up over its life.
  let environment: Environment | null = null;
  let verifier: Verify | undefined;
  let ports: WebhookPorts | undefined;
  return async (request) => {
    const otherMethod = answerMethod(request, ["POST"]);
    if (otherMethod) return otherMethod;
    environment ??= readEnvironment(options.readVariable, log);
    const signature = request.headers.get("stripe-signature");
    if (!signature) return refuse(401, "signature", "Only events with Stripe's signature are accepted");
    if (environment === null) return refuse(500, "configuration", COME_AGAIN);
    try {
      const body = await readBounded(request);
      if (body === null) return refuse(413, "body", `The event is larger than ${MAX_BODY_BYTES} bytes`);
      // Loaded for what claims to be Stripe's alone.
      verifier ??= (await import("../stripe/events.ts")).createVerifier(environment.secrets, now);
      const { event, refused } = await verifier(body, signature);
      if (refused === "signature") return refuse(401, "signature", "Only events with Stripe's signature are accepted");
      if (refused) return refuse(400, "body", "The event cannot be read");

      const { again, code } = await receive(event, ports ??= portsOf(environment, { fetch, log }));
      log.info("event", { event_id: event.id, type: event.type, payment: event.payment?.id, code, again });
      return again ? refuse(500, code, "The event has to come again") : answer({ received: true, code });
    } catch (error) {
      log.error("request_broke", { error: reasonOf(error) });
      return refuse(500, "internal", COME_AGAIN);
    }
  };
}

type Verify = ReturnType<typeof import("../stripe/events.ts").createVerifier>;
type Environment = { project: Project; stripe: StripeEnvironment; secrets: string[] };

/** What is misconfigured is told to the log, whoever asks, and to nobody else. Null: there is something. */
function readEnvironment(read: ReadVariable, log: Log): Environment | null {
  try {
    return { project: parseProject(read), stripe: parseStripe(read), secrets: parseWebhookSecrets(read) };
  } catch (error) {
    log.error("request_broke", { error: reasonOf(error) });
    return null;
  }
}

function portsOf(
  { project, stripe }: Environment,
  { fetch, log }: { fetch: typeof globalThis.fetch; log: Log },
): WebhookPorts {
  const { url, publishableKeys, secretKeys } = project;
  return {
    database: createEventDatabase(createRpc(createAdminClient({ env: { url, publishableKeys, secretKeys } }))),
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

/** The text as it came, which the signature is about. Stops reading at the limit: a length header may lie. */
async function readBounded(request: Request): Promise<string | null> {
  if (request.body === null) return "";
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  for await (const chunk of request.body) {
    size += chunk.byteLength;
    if (size > MAX_BODY_BYTES) return null;
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
