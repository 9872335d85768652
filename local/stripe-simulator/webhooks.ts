import { createHmac } from "node:crypto";
import { z } from "zod";
import { renderEvent } from "./render.ts";
import { seededRandom } from "./random.ts";
import type { Store } from "./store.ts";
import type { StoredEvent } from "./stored.ts";
import type { Timers } from "./timers.ts";

export const webhookSchema = z.strictObject({
  url: z.url(),
  secret: z.string(),
  /** Left out, all types are sent. */
  types: z.array(z.string()).optional(),
  /** Stripe delivers at least once and in no order: chances of a loss, of a repetition, and the spread of the delays. */
  dropProbability: z.number().min(0).max(1).default(0),
  duplicateProbability: z.number().min(0).max(1).default(0),
  delayMs: z.number().min(0).default(0),
  reorderWithinMs: z.number().min(0).default(0),
  /** Stripe tries 3 times over some hours in a sandbox; here the waits are short. */
  attempts: z.int().min(1).default(3),
  retryDelayMs: z.number().min(0).default(50),
  seed: z.int().default(1),
});

export type WebhookEndpoint = z.input<typeof webhookSchema>;
export type Delivery = { event: string; type: string; attempt: number; status: number | null; dropped: boolean };

/** Sends events, signed with Stripe's real scheme, and keeps a list of what was delivered. */
export class WebhookSender {
  readonly deliveries: Delivery[] = [];
  #endpoint: z.output<typeof webhookSchema> | null = null;
  #random = seededRandom(1);
  readonly #underWay = new Set<Promise<void>>();

  constructor(readonly timers: Timers, readonly nowSeconds: () => number) {}

  configure(endpoint: WebhookEndpoint | null): void {
    this.#endpoint = endpoint === null ? null : webhookSchema.parse(endpoint);
    this.#random = seededRandom(this.#endpoint?.seed ?? 1);
  }

  send(event: StoredEvent, store: Store): void {
    const endpoint = this.#endpoint;
    if (endpoint === null || (endpoint.types && !endpoint.types.includes(event.type))) return;
    if (this.#random() < endpoint.dropProbability) {
      this.deliveries.push({ event: event.id, type: event.type, attempt: 0, status: null, dropped: true });
      return;
    }
    const body = JSON.stringify(renderEvent(event, { livemode: store.livemode, account: store.connectedAccount }));
    const copies = this.#random() < endpoint.duplicateProbability ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      const delay = endpoint.delayMs + this.#random() * endpoint.reorderWithinMs;
      const delivery = this.#deliver(endpoint, { event, body, delay });
      this.#underWay.add(delivery);
      delivery.finally(() => this.#underWay.delete(delivery));
    }
  }

  /** Waits until nothing is under way. */
  async settled(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  async #deliver(
    endpoint: z.output<typeof webhookSchema>,
    options: { event: StoredEvent; body: string; delay: number },
  ): Promise<void> {
    const { event, body } = options;
    await this.timers.sleep(options.delay);
    for (let attempt = 1; attempt <= endpoint.attempts && !this.timers.closed; attempt++) {
      const headers = {
        "Content-Type": "application/json",
        "Stripe-Signature": this.#signature(body, endpoint.secret),
      };
      const status = await post(endpoint.url, { body, headers });
      this.deliveries.push({ event: event.id, type: event.type, attempt, status, dropped: false });
      if (status !== null && status >= 200 && status < 300) return;
      await this.timers.sleep(endpoint.retryDelayMs);
    }
  }

  #signature(body: string, secret: string): string {
    const t = this.nowSeconds();
    return `t=${t},v1=${createHmac("sha256", secret).update(`${t}.${body}`).digest("hex")}`;
  }
}

/** null when the receiver did not answer: for the sender that is a failed attempt like any other. */
async function post(url: string, options: { body: string; headers: Record<string, string> }): Promise<number | null> {
  try {
    const reply = await fetch(url, { method: "POST", ...options, signal: AbortSignal.timeout(10_000) });
    await reply.body?.cancel();
    return reply.status;
  } catch {
    return null;
  }
}
