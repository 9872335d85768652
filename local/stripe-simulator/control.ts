import type Stripe from "stripe";
import type { CallQuery, LoggedCall } from "./call-log.ts";
import { actAsCustomer, type CustomerResult } from "./customer.ts";
import type { CustomerAction } from "./customer-action.ts";
import type { Behaviour } from "./endpoint.ts";
import { type Fault, faultSchema } from "./faults.ts";
import { lapseIfDue } from "./intent-machine.ts";
import type { LedgerEntry, OrderMoney } from "./ledger.ts";
import { type Limits, PRESETS } from "./limits.ts";
import { createCheckoutSessions, createPaymentIntents } from "./populate.ts";
import { renderIntent, renderSession } from "./render.ts";
import { renderRefund } from "./render-charge.ts";
import { expireIfDue } from "./session-machine.ts";
import type { IntentSpec, SessionSpec } from "./specs.ts";
import type { Delivery, WebhookEndpoint } from "./webhooks.ts";
import { latencyRange, type World } from "./world.ts";

/** Which objects a dump shows. */
export type ObjectQuery = { id?: string; account?: string; livemode?: boolean; status?: string; orderId?: string };

/**
 * The operations that tests, the demo and the benches apply to the simulator. The control API offers the same methods
 * over HTTP.
 */
export type StripeControl = ReturnType<typeof createControl>;

/** Builds the control object of one simulator. */
export function createControl(world: World) {
  const cancelIntent = () => world.behaviour.expiringSessionCancelsIntent === "at_once";
  return {
    /** Creates intents in any state; returns their ids in order. */
    createPaymentIntents: (specs: IntentSpec[]): string[] => createPaymentIntents(world, specs),
    createCheckoutSessions: (specs: SessionSpec[]) => createCheckoutSessions(world, specs),
    /** Does what the customer, a bank or a counter does. It does not throw in an unsuitable state: see `accepted`. */
    customer: (action: CustomerAction): Promise<CustomerResult> => actAsCustomer(world, action),

    /** Activates a fault; returns its id. */
    addFault: (fault: Fault): string => world.faults.add(faultSchema.parse(fault)),
    removeFault: (query: { id: string }): boolean => world.faults.remove(query.id),
    clearFaults: (): void => world.faults.clear(),
    faults: () => world.faults.list(),

    now: (): Date => new Date(world.clock.nowMs()),
    setClock: (query: { at: Date | string; frozen?: boolean }): void => world.clock.set(new Date(query.at), query),
    advanceClock: (query: { ms: number }): void => world.clock.advance(query.ms),

    /** Sets the limits: a preset, single numbers that take precedence over it, or both. */
    setLimits: (change: Partial<Limits> & { preset?: keyof typeof PRESETS }): Limits => {
      const { preset, ...rest } = change;
      return world.limits = { ...(preset ? structuredClone(PRESETS[preset]) : world.limits), ...rest };
    },
    setLatency: (query: { latencyMs: number | [number, number] }): void => {
      world.latencyMs = latencyRange(query.latencyMs);
    },
    setBehaviour: (change: Partial<Behaviour>): Behaviour => world.behaviour = { ...world.behaviour, ...change },

    /** Revokes the key, so that it gets a 401; `restoreKey` undoes that. */
    revokeKey: (query: { key: string }): void => void world.revokedKeys.add(query.key),
    /** Denies the key some endpoints, or all, with a 403. */
    forbidKey: (query: { key: string; endpoints?: string[] }): void =>
      void world.forbidden.set(query.key, new Set(query.endpoints ?? ["*"])),
    restoreKey: (query: { key: string }): void => {
      world.revokedKeys.delete(query.key);
      world.forbidden.delete(query.key);
    },
    /** Assigns a key to an account. */
    setKeyAccount: (query: { key: string; account: string }): void =>
      void world.accountOfKey.set(query.key, query.account),

    /** The length of the call log. Pass it as `since` to see only later calls. */
    mark: (): number => world.log.length,
    calls: (query: CallQuery = {}): LoggedCall[] => world.log.find(query),
    countCalls: (query: CallQuery = {}): number => world.log.find(query).length,
    /** Most arrivals in any one-second window. */
    peakCalls: (query: CallQuery & { windowMs?: number } = {}): number => world.log.peak(query),
    peaks: (query: CallQuery & { windowMs?: number } = {}): Record<string, number> => world.log.peaks(query),
    /** The 429s of the limits, without injected ones. */
    rateLimitedCalls: (query: CallQuery = {}): LoggedCall[] =>
      world.log.find({ ...query, status: 429 }).filter((call) => call.fault === null && call.reason !== "lock_timeout"),

    paymentIntents: (query: ObjectQuery = {}): Stripe.PaymentIntent[] =>
      stores(world, query).flatMap((store) =>
        pick(query, store.intents, (intent) => renderIntent(lapseIfDue(store, intent), store.livemode))
      ),
    checkoutSessions: (query: ObjectQuery = {}): Stripe.Checkout.Session[] =>
      stores(world, query).flatMap((store) =>
        pick(
          query,
          store.sessions,
          (session) => renderSession(expireIfDue(store, session, { cancelIntent: cancelIntent() }), store.livemode),
        )
      ),
    /** One intent by its id, in any account. Throws for an unknown id. */
    paymentIntent(query: { id: string }): Stripe.PaymentIntent {
      return known(this.paymentIntents(query)[0], query.id);
    },
    checkoutSession(query: { id: string }): Stripe.Checkout.Session {
      return known(this.checkoutSessions(query)[0], query.id);
    },
    /** All refunds, whoever made them. */
    refunds: (): Stripe.Refund[] => world.tenants().flatMap(({ store }) => store.refunds.map(renderRefund)),
    /** How many intents there are in each status. */
    countIntents: (query: ObjectQuery = {}): Record<string, number> => {
      const counts: Record<string, number> = {};
      for (const store of stores(world, query)) {
        for (const { status } of store.intents.values()) counts[status] = (counts[status] ?? 0) + 1;
      }
      return counts;
    },

    /**
     * What happened to the money of one order, identified by `metadata.order_id` or a session's `client_reference_id`.
     */
    orderMoney: (query: { orderId: string }): OrderMoney => world.ledger.order(query.orderId),
    ordersMoney: (): OrderMoney[] => world.ledger.orders(),
    ledger: (): LedgerEntry[] => world.ledger.entries,
    /** Reads and transactions per account and mode: Stripe allots 500 reads to each transaction. */
    readAllocation: () =>
      world.tenants().map(({ store }) => ({ account: store.account, livemode: store.livemode, ...store.allocation })),

    /** Where events are sent, and how unreliably: one endpoint or several. Null stops sending. */
    setWebhook: (endpoint: WebhookEndpoint | WebhookEndpoint[] | null): void =>
      world.webhooks.configure(endpoint === null ? [] : [endpoint].flat()),
    /** All events so far, oldest first, including those that were lost. */
    events: () =>
      world.tenants().flatMap(({ store }) => [...store.events.values()]).map(({ id, type, object }) => ({
        id,
        type,
        object: (object as { id: string }).id,
      })),
    /** Delivers an event again, immediately. */
    async resendEvent(query: { id: string }): Promise<void> {
      const store = world.tenants().map((tenant) => tenant.store).find((store) => store.events.has(query.id));
      if (store === undefined) throw new Error(`Cannot resend ${query.id}: no such event`);
      await world.webhooks.resend(store.events.get(query.id)!, store);
    },
    webhookDeliveries: (): Delivery[] => world.webhooks.deliveries,
    webhooksSettled: (): Promise<void> => world.webhooks.settled(),
    /** Bugs in the simulator itself. */
    defects: (): string[] => world.defects,
  };
}

function stores(world: World, query: ObjectQuery) {
  return world.tenants().map((tenant) => tenant.store).filter((store) =>
    (query.account === undefined || store.account === query.account) &&
    (query.livemode === undefined || store.livemode === query.livemode)
  );
}

function pick<S, R extends { status: string | null; metadata: Stripe.Metadata | null }>(
  query: ObjectQuery,
  objects: Map<string, S>,
  render: (stored: S) => R,
): R[] {
  const one = query.id === undefined ? undefined : objects.get(query.id);
  const among = query.id === undefined ? [...objects.values()] : one === undefined ? [] : [one];
  return among.map(render).filter((object) =>
    (query.status === undefined || object.status === query.status) &&
    (query.orderId === undefined || object.metadata?.order_id === query.orderId)
  );
}

function known<T>(object: T | undefined, id: string): T {
  if (object === undefined) throw new Error(`Cannot show ${id}: no such object`);
  return object;
}
