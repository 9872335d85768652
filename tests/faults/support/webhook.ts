import { createEventDatabase } from "../../../functions/_shared/database/events.ts";
import { createRpc } from "../../../functions/_shared/database/rpc.ts";
import { createLog } from "../../../functions/_shared/run/log.ts";
import { createVerifier } from "../../../functions/_shared/stripe/events.ts";
import { openStripe } from "../../../functions/_shared/stripe/gateway.ts";
import { receiveEvent } from "../../../functions/lapse-webhook/webhook.ts";
import type { StripeControl } from "../../../local/stripe-simulator/control.ts";
import type { SimulatedTime } from "./time.ts";
import { impatient } from "./run-job.ts";
import { type AtStep, clientOver, createWire, fetchOver, type Step } from "./wire.ts";

export type DeliverOptions = { payload?: "snapshot" | "thin"; atStep?: AtStep };

/** `taken` false: Stripe has to deliver the event again. */
export type DeliveryOutcome = { taken: boolean; code: string | null; steps: readonly Step[] };

export type Webhook = {
  deliver(event: string, options?: DeliverOptions): Promise<DeliveryOutcome>;
  close(): Promise<void>;
};

type World = {
  stripe: StripeControl;
  apiBase: string;
  time: SimulatedTime;
  call: Parameters<typeof clientOver>[1];
};

const SECRET = "whsec_of_the_bench";

/** The function lapse-webhook, each event in a process of its own. Stripe signs and sends them; none arrives unless it is delivered here. */
export function openWebhook({ stripe, apiBase, time, call }: World): Webhook {
  const verify = createVerifier([SECRET], () => time.now().getTime());
  let atStep: AtStep | undefined;
  let outcome: DeliveryOutcome;

  async function receive(request: Request): Promise<Response> {
    const wire = createWire(atStep);
    outcome = { taken: false, code: null, steps: wire.steps };
    const { event } = await verify(await request.text(), request.headers.get("stripe-signature")!);
    const lines: string[] = [];
    const answered = receiveEvent(event!, {
      database: createEventDatabase(createRpc(clientOver(wire, call))),
      livemode: false,
      openStripe: (options) =>
        Promise.resolve(openStripe({
          secretKey: "sk_test_bench",
          apiBase,
          ...options,
          fetch: fetchOver(wire, impatient()),
          statistics: { calls: 0, throttled: 0, callsByEndpoint: {} },
          onThrottled: () => {},
        })),
      clockFrom: () => time.clockOf(wire.idle),
      log: createLog({}, (line) => lines.push(line)),
    });
    const answer = await Promise.race([
      answered.catch((error) => ({ redeliver: true, code: String(error) })),
      wire.dead.then(() => ({ redeliver: true, code: "died" })),
    ]);
    if (Deno.env.get("LAPSE_PROOF_LOG")) console.log([event!.type, answer.code, ...lines].join("\n"));
    outcome = { ...outcome, taken: !answer.redeliver, code: answer.code };
    return new Response(null, { status: answer.redeliver ? 500 : 200, headers: { connection: "close" } });
  }

  let server: Deno.HttpServer<Deno.NetAddr> | undefined;
  return {
    async deliver(event, options = {}) {
      server ??= Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, receive);
      atStep = options.atStep;
      const url = `http://127.0.0.1:${server.addr.port}/`;
      stripe.setWebhook({
        url,
        secret: SECRET,
        payload: options.payload,
        dropProbability: 1,
        attempts: 1,
        retryDelayMs: 0,
      });
      await stripe.resendEvent({ id: event });
      return outcome;
    },
    close: async () => await server?.shutdown(),
  };
}
