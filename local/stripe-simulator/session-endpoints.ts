import { z } from "zod";
import type Stripe from "stripe";
import type { Call } from "./endpoint.ts";
import { invalidParameter, resourceMissing, StripeRefusal } from "./errors.ts";
import { findIntent } from "./intent-endpoints.ts";
import { expand, flag, integer, listParams, metadata, readExpand, readParams, text } from "./params.ts";
import { page } from "./page.ts";
import { shownIntent } from "./refund-machine.ts";
import { renderSession } from "./render.ts";
import { expire, expireIfDue } from "./session-machine.ts";
import type { StoredSession } from "./stored.ts";

const anything = z.unknown().optional();
const lineItem = z.strictObject({
  price_data: z.strictObject({
    currency: z.string().length(3),
    unit_amount: integer,
    product_data: z.looseObject({ name: text }),
    tax_behavior: text.optional(),
  }),
  quantity: integer.optional(),
});
const createSchema = z.strictObject({
  mode: z.literal("payment"),
  line_items: z.array(lineItem).min(1),
  metadata: metadata.optional(),
  payment_intent_data: z.strictObject({
    metadata: metadata.optional(),
    capture_method: z.enum(["automatic", "automatic_async", "manual"]).optional(),
    description: text.optional(),
    setup_future_usage: text.optional(),
  }).optional(),
  after_expiration: z.strictObject({
    recovery: z.strictObject({ enabled: flag, allow_promotion_codes: flag.optional() }).optional(),
  }).optional(),
  success_url: text.optional(),
  cancel_url: text.optional(),
  return_url: text.optional(),
  ui_mode: z.enum(["elements", "embedded_page", "form", "hosted_page"]).optional(),
  expires_at: integer.optional(),
  customer: text.optional(),
  customer_email: text.optional(),
  client_reference_id: text.optional(),
  locale: text.optional(),
  allow_promotion_codes: flag.optional(),
  allowed_payment_method_types: z.array(text).optional(),
  payment_method_options: anything,
  customer_creation: text.optional(),
  submit_type: text.optional(),
  expand: expand.optional(),
});
const listSchema = z.strictObject({
  ...listParams,
  customer: text.optional(),
  payment_intent: text.optional(),
  status: z.enum(["open", "complete", "expired"]).optional(),
});
const INTENT = ["payment_intent", "payment_intent.latest_charge"];
const onlyExpand = z.strictObject({ expand: expand.optional() });

/** POST /v1/checkout/sessions. The intent is created later, when the customer confirms. */
export function createSession(call: Call) {
  const params = readParams(createSchema, call.params);
  readExpand(params.expand, ["payment_intent"]);
  const { clock, newId } = call.store.around;
  const now = clock.nowSeconds();
  const expiresAt = params.expires_at ?? now + 86_400;
  // Stripe allows 30 minutes to 24 hours. The lower limit has a minute of tolerance for differing clocks.
  if (expiresAt < now + 29 * 60 || expiresAt > now + 86_400 + 60) {
    const message =
      "The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout Session creation.";
    throw invalidParameter("expires_at", { message });
  }
  return () => {
    const { store } = call;
    const recovery = params.after_expiration?.recovery;
    const { success_url, cancel_url, client_reference_id, customer_email, ui_mode, return_url } = params;
    const session: StoredSession = {
      id: newId(store.livemode ? "cs_live_a1" : "cs_test_a1"),
      created: now,
      seq: store.nextSeq(),
      status: "open",
      paymentStatus: "unpaid",
      expiresAt,
      amount: params.line_items.reduce((sum, item) => sum + item.price_data.unit_amount * (item.quantity ?? 1), 0),
      currency: params.line_items[0]!.price_data.currency.toLowerCase(),
      metadata: params.metadata ?? {},
      intent: null,
      intentMetadata: params.payment_intent_data?.metadata ?? {},
      captureMethod: params.payment_intent_data?.capture_method ?? "automatic_async",
      customer: params.customer ?? null,
      recovery: recovery?.enabled ? { promotionCodes: recovery.allow_promotion_codes ?? false, until: null } : null,
      recoveredFrom: null,
      extras: given({ success_url, cancel_url, client_reference_id, customer_email, ui_mode, return_url }),
    };
    store.addSession(session);
    return renderSession(session, store.livemode);
  };
}

/** GET /v1/checkout/sessions/{id} */
export function retrieveSession(call: Call) {
  const params = readParams(onlyExpand, call.params);
  const expanded = readExpand(params.expand, INTENT);
  return () => shown(call, findSession(call, call.id), expanded);
}

/** POST /v1/checkout/sessions/{id}/expire: only from `open`. */
export function expireSession(call: Call) {
  const params = readParams(onlyExpand, call.params);
  const expanded = readExpand(params.expand, INTENT);
  return () => {
    const session = findSession(call, call.id);
    if (session.status !== "open") {
      throw new StripeRefusal(400, {
        type: "invalid_request_error",
        message:
          'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of ' +
          `"${session.status}".`,
      });
    }
    expire(call.store, session, { cancelIntent: call.behaviour.expiringSessionCancelsIntent === "at_once" });
    return shown(call, session, expanded);
  };
}

/** GET /v1/checkout/sessions. `payment_intent` finds the session of an intent without scanning the list. */
export function listSessions(call: Call) {
  const params = readParams(listSchema, call.params);
  const expanded = readExpand(params.expand, INTENT.map((name) => `data.${name}`));
  const { store } = call;
  const { customer, status, payment_intent } = params;
  const render = (session: StoredSession) => shown(call, session, expanded);
  if (payment_intent !== undefined) {
    return () => {
      const owner = findIntent(call, payment_intent, "payment_intent").session;
      const session = owner === null ? undefined : store.sessions.get(owner);
      return { object: "list", url: "/v1/checkout/sessions", has_more: false, data: session ? [render(session)] : [] };
    };
  }
  return page(params, {
    url: "/v1/checkout/sessions",
    kind: "checkout.session",
    list: store.sessionList,
    find: (id) => store.sessions.get(id),
    keep: (session) =>
      (customer === undefined || session.customer === customer) &&
      (status === undefined || current(call, session).status === status),
    render,
  });
}

/** The session of this account and mode, advanced to the present time; else a 404. */
export function findSession(call: Call, id: string): StoredSession {
  const session = call.store.sessions.get(id);
  if (session !== undefined) return current(call, session);
  throw resourceMissing("checkout.session", { id, param: "session" });
}

function current(call: Call, session: StoredSession): StoredSession {
  return expireIfDue(call.store, session, { cancelIntent: call.behaviour.expiringSessionCancelsIntent === "at_once" });
}

/** Expanding something inside the intent expands the intent as well. */
function shown(call: Call, session: StoredSession, expanded: string[]): Stripe.Checkout.Session {
  const { store } = call;
  current(call, session);
  const intent = expanded.length > 0 && session.intent !== null ? findIntent(call, session.intent) : null;
  const withCharge = expanded.some((name) => name.endsWith("latest_charge"));
  return renderSession(session, store.livemode, intent && shownIntent(store, intent, withCharge));
}

function given(values: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}
