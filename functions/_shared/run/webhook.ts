import type { EventDatabase } from "../database/events.ts";
import type { StripeEvent } from "../rules/events.ts";
import type { StripeGateway } from "../stripe/gateway.ts";
import type { Clock } from "./clock.ts";
import type { Log } from "./log.ts";

/** What the webhook works with. */
export type WebhookPorts = {
  database: EventDatabase;
  /** The mode of the Stripe key. */
  livemode: boolean;
  openStripe(options: { clock: Clock; deadline: Date; paymentsPerSecond: number }): Promise<StripeGateway>;
  clockFrom(databaseNow: Date): Clock;
  log: Log;
};

/** `redeliver`: Stripe should deliver the event again. `code`: the result, for the log. */
export type EventAnswer = { redeliver: boolean; code: string };

/** Handles an event whose signature was verified. */
export type ReceiveEvent = (event: StripeEvent, ports: WebhookPorts) => Promise<EventAnswer>;
