import { createHmac } from "node:crypto";
import { z } from "zod";
import { renderEvent, renderThinEvent } from "./render.ts";
import { seededRandom } from "./random.ts";
import type { Store } from "./store.ts";
import type { StoredEvent } from "./stored.ts";
import type { Timers } from "./timers.ts";

export const webhookSchema = z.strictObject({
  url: z.url(),
  secret: z.string(),
  /** By default all types are sent. Types of thin events are named without `v1.`. */
  types: z.array(z.string()).optional(),
  /** snapshot: contains the object. thin: contains only its id. */
  payload: z.enum(["snapshot", "thin"]).default("snapshot"),
  /** Stripe disables an endpoint that fails for days. */
  status: z.enum(["enabled", "disabled"]).default("enabled"),
  /** The accounts: the platform's own, connected ones, or both. */
  from: z.enum(["platform", "connected", "all"]).default("all"),
  /**
   * Stripe delivers at least once and in any order. These are the probabilities of a loss and of a repetition, and the
   * range of delays.
   */
  dropProbability: z.number().min(0).max(1).default(0),
  duplicateProbability: z.number().min(0).max(1).default(0),
  delayMs: z.number().min(0).default(0),
  reorderWithinMs: z.number().min(0).default(0),
  /** Stripe tries 3 times over some hours in a sandbox; here the pauses are short. */
  attempts: z.int().min(1).default(3),
  retryDelayMs: z.number().min(0).default(50),
  seed: z.int().default(1),
});

export type WebhookEndpoint = z.input<typeof webhookSchema>;
/** `endpoint`: which of them, from 0. */
export type Delivery = {
  endpoint: number;
  event: string;
  type: string;
  attempt: number;
  status: number | null;
  dropped: boolean;
};
type Endpoint = z.output<typeof webhookSchema> & { number: number; random: () => number };

/** Sends events, signed with Stripe's real scheme, and keeps a list of deliveries. */
export class WebhookSender {
  readonly deliveries: Delivery[] = [];
  #endpoints: Endpoint[] = [];
  readonly #underWay = new Set<Promise<void>>();

  constructor(readonly timers: Timers, readonly nowSeconds: () => number) {}

  configure(endpoints: WebhookEndpoint[]): void {
    this.#endpoints = endpoints.map((endpoint, number) => {
      const parsed = webhookSchema.parse(endpoint);
      return { ...parsed, number, random: seededRandom(parsed.seed) };
    });
  }

  get endpoints(): WebhookEndpoint[] {
    return this.#endpoints;
  }

  send(event: StoredEvent, store: Store): void {
    for (const endpoint of this.#endpointsFor(event, store)) {
      if (endpoint.random() < endpoint.dropProbability) {
        const dropped = { attempt: 0, status: null, dropped: true };
        this.deliveries.push({ endpoint: endpoint.number, event: event.id, type: event.type, ...dropped });
        continue;
      }
      const copies = endpoint.random() < endpoint.duplicateProbability ? 2 : 1;
      for (let i = 0; i < copies; i++) {
        const delay = endpoint.delayMs + endpoint.random() * endpoint.reorderWithinMs;
        const delivery = this.#deliver(endpoint, { event, body: bodyOf(event, { store, endpoint }), delay });
        this.#underWay.add(delivery);
        delivery.finally(() => this.#underWay.delete(delivery));
      }
    }
  }

  /** Sends an event again, as the Dashboard does, whatever became of it before. */
  async resend(event: StoredEvent, store: Store): Promise<void> {
    for (const endpoint of this.#endpointsFor(event, store)) {
      await this.#deliver(endpoint, { event, body: bodyOf(event, { store, endpoint }), delay: 0 });
    }
  }

  #endpointsFor({ type }: StoredEvent, { connectedAccount }: Store): Endpoint[] {
    const from = connectedAccount === null ? "platform" : "connected";
    return this.#endpoints.filter((it) =>
      it.status === "enabled" && (it.from === "all" || it.from === from) &&
      (it.types === undefined || it.types.includes(type))
    );
  }

  /** Waits until no delivery is under way. */
  async settled(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  async #deliver(
    endpoint: Endpoint,
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
      const { id, type } = event;
      this.deliveries.push({ endpoint: endpoint.number, event: id, type, attempt, status, dropped: false });
      if (status !== null && status >= 200 && status < 300) return;
      await this.timers.sleep(endpoint.retryDelayMs);
    }
  }

  #signature(body: string, secret: string): string {
    const t = this.nowSeconds();
    return `t=${t},v1=${createHmac("sha256", secret).update(`${t}.${body}`).digest("hex")}`;
  }
}

function bodyOf(event: StoredEvent, { store, endpoint }: { store: Store; endpoint: Endpoint }): string {
  const render = endpoint.payload === "thin" ? renderThinEvent : renderEvent;
  return JSON.stringify(render(event, { livemode: store.livemode, account: store.connectedAccount }));
}

/** Null if the receiver did not answer, which the sender treats like any failed attempt. */
async function post(url: string, options: { body: string; headers: Record<string, string> }): Promise<number | null> {
  try {
    const reply = await fetch(url, { method: "POST", ...options, signal: AbortSignal.timeout(10_000) });
    await reply.body?.cancel();
    return reply.status;
  } catch {
    return null;
  }
}
