import Stripe from "stripe";
import type { z } from "zod/mini";
import { ConfigurationError } from "../errors.ts";
import { type CallOptions, createCalls } from "./calls.ts";
import {
  intentSchema,
  type ListPage,
  ofIntentSchema,
  pageOf,
  refundListSchema,
  refundSchema,
  sessionListSchema,
  sessionSchema,
  type StripeIntent,
  type StripeRefund,
  type StripeSession,
} from "./objects.ts";
import { STRIPE_API_VERSION } from "../version.ts";
import type { Outcome } from "./outcome.ts";
import { LIST_COST, READ_COST } from "./pace.ts";

export type { CallStatistics } from "./calls.ts";

/** The time limit of one call on the wire, without the wait for its turn. */
const TIMEOUT_MS = 10_000;
/** A session's intent and that intent's charge. */
const CHARGE = "payment_intent.latest_charge";
/** Stripe's largest page. */
const PAGE_SIZE = 100;

/** An object at Stripe; `account` is its connected account, empty for the platform's own. */
export type StripeRef = { id: string; account: string };
export type IdempotencyKey = { idempotencyKey: string };

export type NewRefund = { amount: number; metadata: Record<string, string> };

/** Payments created in [from, to), in whole seconds. `startingAfter` is the last id of the previous page. */
export type ListWindow = { account: string; from: Date; to: Date; startingAfter: string | null };

/** All calls to Stripe, at Lapse's pace. Failures are values. */
export type StripeGateway = {
  /** The mode of the secret key. */
  readonly livemode: boolean;
  /** With the charge expanded. */
  readIntent(ref: StripeRef): Promise<Outcome<StripeIntent>>;
  /** With the intent and its charge expanded. */
  readSession(ref: StripeRef): Promise<Outcome<StripeSession>>;
  cancelIntent(ref: StripeRef, key: IdempotencyKey): Promise<Outcome<StripeIntent>>;
  expireSession(ref: StripeRef, key: IdempotencyKey): Promise<Outcome<StripeSession>>;
  /** The Checkout Sessions that an intent belongs to, with the intent expanded. */
  sessionsOfIntent(ref: StripeRef): Promise<Outcome<StripeSession[]>>;
  /** The intent that a charge, a refund or a dispute is about; null if it has none. */
  intentOf(ref: StripeRef): Promise<Outcome<{ intent: string | null }>>;
  /** The refunds of an intent, newest first, a hundred at most. */
  refundsOfIntent(ref: StripeRef): Promise<Outcome<StripeRefund[]>>;
  /** Refunds money of an intent. `amount` is in the currency's minor unit. */
  refundIntent(ref: StripeRef, refund: NewRefund, key: IdempotencyKey): Promise<Outcome<StripeRefund>>;
  /** One page, newest first. */
  listIntents(window: ListWindow): Promise<Outcome<ListPage>>;
  listSessions(window: ListWindow): Promise<Outcome<ListPage>>;
  /** The payments per second that other processes leave of the account's limit. */
  setRate(paymentsPerSecond: number): void;
  /** Starts no further call; calls under way finish. */
  close(): void;
};

/** `deadline`: no call starts after it. `apiBase`: the origin of another Stripe server. */
export type OpenStripeOptions = CallOptions & {
  secretKey: string;
  apiBase?: string | undefined;
  fetch: typeof fetch;
  timeoutMs?: number;
};

/**
 * Opens the gateway over Stripe's SDK, without the SDK's own retries and telemetry.
 *
 * @throws ConfigurationError if the key is no Stripe secret key or the base is no plain origin. The error never quotes the key.
 */
export function openStripe({ secretKey, apiBase, fetch, timeoutMs, ...options }: OpenStripeOptions): StripeGateway {
  const livemode = livemodeOf(secretKey);
  const stripe = new Stripe(secretKey, {
    apiVersion: STRIPE_API_VERSION,
    maxNetworkRetries: 0,
    telemetry: false,
    timeout: timeoutMs ?? TIMEOUT_MS,
    httpClient: Stripe.createFetchHttpClient(fetch),
    ...originOf(apiBase ?? "https://api.stripe.com"),
  });
  const { read, write, setRate, close } = createCalls(options);
  return {
    livemode,
    readIntent: ({ id, account }) =>
      read({
        endpoint: "payment_intents.retrieve",
        send: () => stripe.paymentIntents.retrieve(id, { expand: ["latest_charge"] }, accountOf(account)),
        parse: parserOf(intentSchema, id),
      }, READ_COST),
    readSession: ({ id, account }) =>
      read({
        endpoint: "checkout.sessions.retrieve",
        send: () => stripe.checkout.sessions.retrieve(id, { expand: [CHARGE] }, accountOf(account)),
        parse: parserOf(sessionSchema, id),
      }, READ_COST),
    cancelIntent: ({ id, account }, key) =>
      write({
        endpoint: "payment_intents.cancel",
        send: () =>
          stripe.paymentIntents.cancel(id, { cancellation_reason: "abandoned" }, { ...accountOf(account), ...key }),
        parse: parserOf(intentSchema, id),
      }),
    expireSession: ({ id, account }, key) =>
      write({
        endpoint: "checkout.sessions.expire",
        send: () => stripe.checkout.sessions.expire(id, { expand: [CHARGE] }, { ...accountOf(account), ...key }),
        parse: parserOf(sessionSchema, id),
      }),
    sessionsOfIntent: ({ id, account }) =>
      read({
        endpoint: "checkout.sessions.list",
        send: () =>
          stripe.checkout.sessions.list({ payment_intent: id, expand: [`data.${CHARGE}`] }, accountOf(account)),
        parse: parserOf(sessionListSchema),
      }, LIST_COST),
    intentOf: ({ id, account }) =>
      read({
        endpoint: `${collectionOf(id)}.retrieve`,
        send: () => stripe[collectionOf(id)].retrieve(id, {}, accountOf(account)),
        parse: parserOf(ofIntentSchema),
      }, READ_COST),
    refundsOfIntent: ({ id, account }) =>
      read({
        endpoint: "refunds.list",
        send: () => stripe.refunds.list({ payment_intent: id, limit: PAGE_SIZE }, accountOf(account)),
        parse: parserOf(refundListSchema),
      }, READ_COST),
    refundIntent: ({ id, account }, refund, key) =>
      write({
        endpoint: "refunds.create",
        send: () => stripe.refunds.create({ payment_intent: id, ...refund }, { ...accountOf(account), ...key }),
        parse: parserOf(refundSchema),
      }),
    listIntents: (window) =>
      read({
        endpoint: "payment_intents.list",
        send: () => stripe.paymentIntents.list(pageIn(window), accountOf(window.account)),
        parse: pageOf,
      }, LIST_COST),
    listSessions: (window) =>
      read({
        endpoint: "checkout.sessions.list",
        send: () => stripe.checkout.sessions.list(pageIn(window), accountOf(window.account)),
        parse: pageOf,
      }, LIST_COST),
    setRate,
    close,
  };
}

/** Where an object of this id is read. */
function collectionOf(id: string): "charges" | "refunds" | "disputes" {
  if (/^(re|pyr)_/.test(id)) return "refunds";
  return /^(du|dp)_/.test(id) ? "disputes" : "charges";
}

function pageIn({ from, to, startingAfter }: ListWindow) {
  return {
    created: { gte: Math.floor(from.getTime() / 1_000), lt: Math.ceil(to.getTime() / 1_000) },
    limit: PAGE_SIZE,
    ...(startingAfter === null ? {} : { starting_after: startingAfter }),
  };
}

/** Parses an answer; null if it does not fit the schema or is about another object. */
function parserOf<T>(schema: z.ZodMiniType<T>, id?: string): (raw: unknown) => T | null {
  return (raw) => {
    const parsed = schema.safeParse(raw);
    if (!parsed.success) return null;
    const isAsked = id === undefined || (parsed.data as { id?: unknown }).id === id;
    return isAsked ? parsed.data : null;
  };
}

function accountOf(account: string): Stripe.RequestOptions {
  return account === "" ? {} : { stripeAccount: account };
}

function livemodeOf(secretKey: string): boolean {
  const mode = /^(?:sk|rk)_(live|test)_/.exec(secretKey)?.[1];
  if (mode) return mode === "live";
  throw new ConfigurationError(
    "Cannot read the mode of the Stripe key: it starts with none of sk_live_, sk_test_, rk_live_, rk_test_",
  );
}

function originOf(apiBase: string): { protocol: "http" | "https"; host: string; port: string } {
  const url = URL.canParse(apiBase) ? new URL(apiBase) : null;
  const protocol = url?.protocol.slice(0, -1);
  if (!url || (protocol !== "http" && protocol !== "https") || url.pathname !== "/" || url.search || url.username) {
    throw new ConfigurationError(
      `Cannot use ${apiBase.replace(/\/\/.*@/, "//***@")} as Stripe's API base: it is no plain http or https origin`,
    );
  }
  return { protocol, host: url.hostname, port: url.port || (protocol === "https" ? "443" : "80") };
}
