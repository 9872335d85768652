import Stripe from "stripe";
import { z } from "zod/mini";
import { failureOf } from "./gateway-failure.ts";
import { intentSchema, sessionSchema, type StripeIntent, type StripeSession } from "./objects.ts";
import { blankFailure, type Reply } from "./reply.ts";

/** The version the verdicts were written against. A webhook endpoint has a version of its own. */
export const STRIPE_API_VERSION = "2026-10-28.endive";

/** An object at Stripe; `account` is the connected account it lives on, null for the platform's own. */
export type StripeRef = { id: string; account: string | null };

/** The only way to Stripe. One method call is one call on the wire; what went wrong comes back as a value. */
export type StripeGateway = {
  /** The mode of the secret key. */
  readonly livemode: boolean;
  readIntent(ref: StripeRef): Promise<Reply<StripeIntent>>;
  /** With the intent expanded. */
  readSession(ref: StripeRef): Promise<Reply<StripeSession>>;
  cancelIntent(ref: StripeRef, options: { idempotencyKey: string }): Promise<Reply<StripeIntent>>;
  expireSession(ref: StripeRef, options: { idempotencyKey: string }): Promise<Reply<StripeSession>>;
  /** The Checkout Sessions that an intent belongs to, with the intent expanded. */
  sessionsOfIntent(ref: StripeRef): Promise<Reply<StripeSession[]>>;
  listIntents(slice: IntentSlice): Promise<Reply<IntentPage>>;
};

/** `createdGte` inclusive, `createdLt` exclusive, whole seconds; `limit` 1 to 100. */
export type IntentSlice = {
  createdGte: Date;
  createdLt: Date;
  startingAfter: string | null;
  limit: number;
  account: string | null;
};

/** Newest first. Rows that cannot be read are named, so that one odd row does not hide ninety-nine good ones. */
export type IntentPage = { intents: StripeIntent[]; malformed: string[]; hasMore: boolean; lastId: string | null };

export type StripeGatewayOptions = {
  secretKey: string;
  /** Called once per attempt on the wire: the place for a call budget. */
  fetch: typeof fetch;
  /** Scheme, host and port of another Stripe server; default https://api.stripe.com. */
  apiBase?: string;
  /** Milliseconds for a whole call, the time `fetch` holds it back included. */
  timeoutMs?: number;
};

/**
 * The gateway over the real SDK, with everything switched off that would act on its own: no retries (they belong to
 * the caller, who knows its deadline), no telemetry.
 *
 * @throws if the key is no Stripe secret key or the base is no plain origin; the error never quotes the key.
 */
export function createStripeGateway(options: StripeGatewayOptions): StripeGateway {
  const livemode = livemodeOf(options.secretKey);
  const stripe = new Stripe(options.secretKey, {
    apiVersion: STRIPE_API_VERSION,
    maxNetworkRetries: 0,
    telemetry: false,
    timeout: options.timeoutMs ?? 10_000,
    httpClient: Stripe.createFetchHttpClient(options.fetch),
    ...originOf(options.apiBase ?? "https://api.stripe.com"),
  });
  return {
    livemode,
    readIntent: ({ id, account }) =>
      callFor(() => stripe.paymentIntents.retrieve(id, {}, on(account)), { schema: intentSchema, id }),
    readSession: ({ id, account }) =>
      callFor(() => stripe.checkout.sessions.retrieve(id, { expand: ["payment_intent"] }, on(account)), {
        schema: sessionSchema,
        id,
      }),
    cancelIntent: ({ id, account }, { idempotencyKey }) =>
      callFor(
        () =>
          stripe.paymentIntents.cancel(id, { cancellation_reason: "abandoned" }, { ...on(account), idempotencyKey }),
        { schema: intentSchema, id },
      ),
    expireSession: ({ id, account }, { idempotencyKey }) =>
      callFor(
        () => stripe.checkout.sessions.expire(id, { expand: ["payment_intent"] }, { ...on(account), idempotencyKey }),
        { schema: sessionSchema, id },
      ),
    sessionsOfIntent: ({ id, account }) =>
      callFor(
        () => stripe.checkout.sessions.list({ payment_intent: id, expand: ["data.payment_intent"] }, on(account)),
        { schema: sessionListSchema },
      ),
    listIntents: ({ createdGte, createdLt, startingAfter, limit, account }) =>
      callFor(
        () =>
          stripe.paymentIntents.list({
            created: { gte: unixSeconds(createdGte), lt: unixSeconds(createdLt) },
            limit,
            ...(startingAfter === null ? {} : { starting_after: startingAfter }),
          }, on(account)),
        { schema: intentPageSchema },
      ),
  };
}

const sessionListSchema = z.pipe(z.object({ data: z.array(sessionSchema) }), z.transform(({ data }) => data));

const intentPageSchema = z.pipe(
  // The rows themselves, not copies: each is parsed by itself below.
  z.object({ data: z.array(z.custom<{ id: string }>(hasAnId)), has_more: z.boolean() }),
  z.transform(({ data, has_more }): IntentPage => {
    const rows = data.map((row) => ({ id: row.id, parsed: intentSchema.safeParse(row) }));
    return {
      intents: rows.flatMap(({ parsed }) => parsed.success ? [parsed.data] : []),
      malformed: rows.flatMap(({ id, parsed }) => parsed.success ? [] : [id]),
      hasMore: has_more,
      lastId: data.at(-1)?.id ?? null,
    };
  }),
);

type Expected<T> = { schema: z.ZodMiniType<T>; id?: string };

async function callFor<T>(call: () => Promise<Answered>, expected: Expected<T>): Promise<Reply<T>> {
  const parse = (raw: unknown): T | null => {
    const parsed = expected.schema.safeParse(raw);
    if (!parsed.success) return null;
    // An answer about another object is no answer.
    return expected.id === undefined || hasId(parsed.data, expected.id) ? parsed.data : null;
  };
  try {
    const raw = await withoutStackTrace(call);
    const { statusCode, requestId } = raw.lastResponse;
    // The SDK takes any JSON without an `error` key for a success, whatever the HTTP status.
    if (statusCode >= 400) {
      return { ok: false, failure: blankFailure("refused", { httpStatus: statusCode, requestId }) };
    }
    const object = parse(raw);
    if (object === null) return { ok: false, failure: blankFailure("bad_reply", { requestId }) };
    return { ok: true, object, requestId: requestId ?? null };
  } catch (error) {
    return { ok: false, failure: failureOf(error, parse) };
  }
}

/**
 * The SDK writes down the caller's stack at every call, for the case that it fails: a quarter of the CPU time of a whole order.
 * Here failures are values, and what they say does not depend on who asked.
 */
function withoutStackTrace<T>(call: () => T): T {
  const errors: { stackTraceLimit?: number } = Error;
  const limit = errors.stackTraceLimit;
  // Not 0: that would still format a stack, an empty one.
  errors.stackTraceLimit = undefined;
  try {
    return call();
  } finally {
    errors.stackTraceLimit = limit;
  }
}

type Answered = { lastResponse: { statusCode: number; requestId: string } };

function hasAnId(row: unknown): boolean {
  return typeof row === "object" && row !== null && typeof Reflect.get(row, "id") === "string";
}

function hasId(object: unknown, id: string): boolean {
  return typeof object === "object" && object !== null && Reflect.get(object, "id") === id;
}

function on(account: string | null): Stripe.RequestOptions {
  return account === null ? {} : { stripeAccount: account };
}

function unixSeconds(moment: Date): number {
  return Math.floor(moment.getTime() / 1000);
}

function livemodeOf(secretKey: string): boolean {
  const mode = /^(?:sk|rk)_(live|test)_/.exec(secretKey)?.[1];
  if (!mode) {
    throw new Error(
      "Cannot read the mode of the Stripe key as it starts with none of sk_live_, sk_test_, rk_live_, rk_test_",
    );
  }
  return mode === "live";
}

function originOf(apiBase: string): { protocol: "http" | "https"; host: string; port: string } {
  const url = URL.canParse(apiBase) ? new URL(apiBase) : null;
  const protocol = url?.protocol.slice(0, -1);
  if (!url || (protocol !== "http" && protocol !== "https") || url.pathname !== "/" || url.search || url.username) {
    throw new Error(
      `Cannot use the Stripe API base as an origin: current value is ${apiBase.replace(/\/\/.*@/, "//***@")}`,
    );
  }
  return { protocol, host: url.hostname, port: url.port || (protocol === "https" ? "443" : "80") };
}
