import type { Fault } from "../../local/stripe-simulator/faults.ts";
import type { Disaster, Scene } from "./disasters.ts";
import { sleep } from "./weather.ts";

/** What befalls calls to Stripe: none of it makes a payment look like another one. */
const FAULTS: Record<string, Fault> = {
  "Stripe is slow": { kind: "delay", delayMs: 1_000 },
  "Stripe's answers are slow": { kind: "delay_reply", delayMs: 2_000 },
  "Stripe answers and does not finish": { kind: "slow_body", delayMs: 1_500 },
  "Stripe hangs up after a while": { kind: "hang", delayMs: 2_000 },
  "Stripe resets connections": { kind: "reset" },
  "Stripe does it and never says so": { kind: "execute_then_hang", delayMs: 2_000 },
  "Stripe does it and resets the connection": { kind: "execute_then_reset" },
  "Stripe does it and its answer is cut": { kind: "execute_then_cut_body" },
  "500": { kind: "error_500" },
  "500, although it was done": { kind: "error_500", executes: true },
  "502 in HTML": { kind: "error_502_html" },
  "503": { kind: "error_503", shouldRetry: true },
  "429 for rate": { kind: "rate_limited", reason: "global-rate" },
  "429 for concurrency": { kind: "rate_limited", reason: "endpoint-concurrency" },
  "429 for a lock": { kind: "lock_timeout" },
};

export const OF_STRIPE: Disaster[] = [
  ...Object.entries(FAULTS).map(([name, fault]): Disaster => ({
    name,
    cause: "stripe",
    strike: ({ stack, random }) =>
      armed(stack, { ...fault, probability: 0.2 + random() * 0.8 }, 500 + random() * 3_000),
  })),
];

async function armed({ simulator }: Scene["stack"], fault: Fault, ms: number): Promise<void> {
  const id = simulator!.control.addFault(fault);
  await sleep(ms);
  simulator!.control.removeFault({ id });
}

/** Events come late, repeated, in any order, or never. */
export const OF_WEBHOOKS: Disaster[] = [
  { name: "all events are lost", cause: "waiting", strike: (scene) => sendEvents(scene, { dropProbability: 1 }) },
  {
    name: "events come twice and out of order",
    cause: "waiting",
    strike: (scene) => sendEvents(scene, { duplicateProbability: 0.7, reorderWithinMs: 4_000 }),
  },
  {
    name: "events come late, and some never",
    cause: "waiting",
    strike: (scene) => sendEvents(scene, { delayMs: 3_000, reorderWithinMs: 3_000, dropProbability: 0.3 }),
  },
];

type Delivery = { dropProbability?: number; duplicateProbability?: number; delayMs?: number; reorderWithinMs?: number };

export async function sendEvents({ stack, random }: Scene, delivery: Delivery = {}): Promise<void> {
  const endpoint = { url: `${stack.apiUrl}/functions/v1/lapse-webhook`, secret: stack.stripeWebhookSecret };
  const setWebhook = (how: Delivery) =>
    stack.simulator!.control.setWebhook({ ...endpoint, ...how, retryDelayMs: 500, seed: Math.floor(random() * 1e9) });
  setWebhook(delivery);
  await sleep(1_000 + random() * 4_000);
  setWebhook({});
}
