import type { Call } from "./endpoint.ts";
import { cancelRefusal, unexpectedState } from "./intent-refusals.ts";
import { invalidParameter, rateLimited, resourceMissing, StripeRefusal } from "./errors.ts";
import { attach, cancel, capture, lapseIfDue } from "./intent-machine.ts";
import { newIntent } from "./new-intent.ts";
import { declinedRefusal, outcomeOf, settleAttempt } from "./payment-methods.ts";
import {
  cancelSchema,
  captureSchema,
  confirmSchema,
  createSchema,
  extrasOf,
  listSchema,
  mergedMetadata,
  retrieveSchema,
  updateSchema,
} from "./intent-params.ts";
import { readExpand, readParams } from "./params.ts";
import { page } from "./page.ts";
import { shownIntent } from "./refund-machine.ts";
import { renderIntent } from "./render.ts";
import type { Store } from "./store.ts";
import type { StoredIntent } from "./stored.ts";

/** GET /v1/payment_intents/{id} */
export function retrieveIntent(call: Call) {
  const params = readParams(retrieveSchema, call.params);
  const expanded = readExpand(params.expand, ["latest_charge"]).length > 0;
  return () => shownIntent(call.store, findIntent(call, call.id), expanded);
}

/** POST /v1/payment_intents, with `confirm` if asked. */
export function createIntent(call: Call) {
  const params = readParams(createSchema, call.params);
  readExpand(params.expand, []);
  return () => {
    const { store } = call;
    const intent = newIntent(store, {
      amount: params.amount,
      currency: params.currency.toLowerCase(),
      metadata: params.metadata ?? {},
      captureMethod: params.capture_method,
      customer: params.customer,
      paymentMethodTypes: params.allowed_payment_method_types,
      extras: extrasOf(params),
    });
    if (params.payment_method) outcomeOf(params.payment_method);
    if (params.payment_method) {
      Object.assign(intent, { paymentMethod: params.payment_method, status: "requires_confirmation" });
    }
    store.addIntent(intent);
    store.emit("payment_intent.created", intent);
    if (params.confirm) confirm(store, intent, params);
    return renderIntent(intent, store.livemode);
  };
}

/** POST /v1/payment_intents/{id}. At most 1,000 per intent and hour (docs.stripe.com/rate-limits). */
export function updateIntent(call: Call) {
  const params = readParams(updateSchema, call.params);
  readExpand(params.expand, []);
  return () => {
    const { store } = call;
    const intent = findIntent(call, call.id);
    if (!store.updates.admit(intent.id)) throw rateLimited("resource-specific");
    if (["succeeded", "canceled", "processing"].includes(intent.status) && (params.amount || params.currency)) {
      throw unexpectedState(call, intent, {
        message:
          `This PaymentIntent's amount could not be updated because it has a status of ${intent.status}. You may only ` +
          "update the amount of a PaymentIntent with one of the following statuses: requires_payment_method, " +
          "requires_confirmation, requires_action.",
      });
    }
    intent.amount = params.amount ?? intent.amount;
    intent.currency = params.currency ?? intent.currency;
    intent.metadata = mergedMetadata(intent.metadata, params.metadata);
    const extras = extrasOf(params);
    if (extras) intent.extras = { ...intent.extras, ...extras };
    if (params.payment_method) attach(store, intent, params.payment_method);
    return renderIntent(intent, store.livemode);
  };
}

/** POST /v1/payment_intents/{id}/confirm */
export function confirmIntent(call: Call) {
  const params = readParams(confirmSchema, call.params);
  readExpand(params.expand, []);
  return () => {
    const intent = findIntent(call, call.id);
    if (!["requires_payment_method", "requires_confirmation", "requires_action"].includes(intent.status)) {
      throw unexpectedState(call, intent, {
        message: intent.status === "succeeded"
          ? "You cannot confirm this PaymentIntent because it has already succeeded after being previously confirmed."
          : `You cannot confirm this PaymentIntent because it has a status of ${intent.status}. Only a PaymentIntent with one ` +
            "of the following statuses may be confirmed: requires_payment_method, requires_confirmation, requires_action.",
      });
    }
    intent.captureMethod = params.capture_method ?? intent.captureMethod;
    confirm(call.store, intent, params);
    return renderIntent(intent, call.store.livemode);
  };
}

/** POST /v1/payment_intents/{id}/cancel. Every refusal of facts 1.2. */
export function cancelIntent(call: Call) {
  const params = readParams(cancelSchema, call.params);
  readExpand(params.expand, []);
  return () => {
    const { store, behaviour } = call;
    const intent = findIntent(call, call.id);
    if (intent.session !== null && intent.status !== "requires_capture") {
      throw new StripeRefusal(400, {
        type: "invalid_request_error",
        message:
          "You cannot perform this action on PaymentIntents created by Checkout. Try expiring the Checkout Session instead.",
      });
    }
    const code = cancelRefusal(intent, behaviour);
    if (code !== null) {
      throw unexpectedState(call, intent, {
        code,
        message:
          `You cannot cancel this PaymentIntent because it has a status of ${intent.status}. Only a PaymentIntent with ` +
          "one of the following statuses may be canceled: requires_payment_method, requires_capture, requires_confirmation, " +
          "requires_action, processing.",
      });
    }
    cancel(store, intent, params.cancellation_reason ?? null);
    return renderIntent(intent, store.livemode);
  };
}

/** POST /v1/payment_intents/{id}/capture */
export function captureIntent(call: Call) {
  const params = readParams(captureSchema, call.params);
  readExpand(params.expand, []);
  return () => {
    const intent = findIntent(call, call.id);
    if (intent.status !== "requires_capture") {
      throw unexpectedState(call, intent, {
        message:
          `This PaymentIntent could not be captured because it has a status of ${intent.status}. Only a PaymentIntent ` +
          "with one of the following statuses may be captured: requires_capture.",
      });
    }
    const amount = params.amount_to_capture ?? intent.amountCapturable;
    if (amount > intent.amountCapturable) {
      throw invalidParameter("amount_to_capture", { message: "The amount to capture exceeds what is capturable." });
    }
    intent.metadata = mergedMetadata(intent.metadata, params.metadata);
    capture(call.store, intent, amount);
    return renderIntent(intent, call.store.livemode);
  };
}

/** GET /v1/payment_intents: newest first, by `created` and `customer` only. */
export function listIntents(call: Call) {
  const params = readParams(listSchema, call.params);
  readExpand(params.expand, []);
  const { customer } = params;
  const { store } = call;
  return page(params, {
    url: "/v1/payment_intents",
    kind: "payment_intent",
    list: store.intentList,
    find: (id) => store.intents.get(id),
    keep: customer === undefined ? undefined : (intent) => intent.customer === customer,
    render: (intent) => renderIntent(lapseIfDue(store, intent), store.livemode),
  });
}

/** The intent of this account and mode, advanced to the present time; else a 404. */
export function findIntent(call: Call, id: string, param = "intent"): StoredIntent {
  const intent = call.store.intents.get(id);
  if (intent !== undefined) return lapseIfDue(call.store, intent);
  const elsewhere = call.otherMode.intents.has(id);
  const otherMode = elsewhere ? (call.otherMode.livemode ? "live" as const : "test" as const) : undefined;
  throw resourceMissing("payment_intent", { id, param, otherMode });
}

function confirm(
  store: Store,
  intent: StoredIntent,
  params: { payment_method?: string; payment_method_data?: { type: string }; return_url?: string },
): void {
  const inlineType = params.payment_method_data?.type;
  const outcome = outcomeOf(params.payment_method ?? intent.paymentMethod, inlineType);
  intent.paymentMethod = params.payment_method ?? (inlineType ? store.around.newId("pm_") : intent.paymentMethod);
  settleAttempt(store, intent, { outcome, returnUrl: params.return_url ?? null });
  if (outcome.kind === "declined") throw declinedRefusal(store, intent);
}
