import { z } from "zod";
import type { Call } from "./endpoint.ts";
import { invalidParameter, resourceMissing, StripeRefusal } from "./errors.ts";
import { findIntent } from "./intent-endpoints.ts";
import { NewestFirst } from "./newest-first.ts";
import { expand, integer, listParams, metadata, readExpand, readParams, text } from "./params.ts";
import { page } from "./page.ts";
import { chargeOf, refund, refundable } from "./refund-machine.ts";
import { renderEvent, renderInvoicePayment } from "./render.ts";
import { renderDispute, renderRefund } from "./render-charge.ts";
import type { StoredRefund } from "./stored.ts";

const refundSchema = z.strictObject({
  payment_intent: text,
  amount: integer.optional(),
  reason: z.enum(["duplicate", "fraudulent", "requested_by_customer"]).optional(),
  metadata: metadata.optional(),
  expand: expand.optional(),
});
const refundsSchema = z.strictObject({ ...listParams, payment_intent: text.optional() });
const eventsSchema = z.strictObject({ ...listParams, type: text.optional(), types: z.array(text).optional() });
const invoicePaymentsSchema = z.strictObject({
  ...listParams,
  payment: z.strictObject({ type: z.literal("payment_intent"), payment_intent: text }),
});

/** POST /v1/refunds, by intent. */
export function createRefund(call: Call) {
  const params = readParams(refundSchema, call.params);
  readExpand(params.expand, []);
  return () => {
    const { store } = call;
    const intent = findIntent(call, params.payment_intent, "payment_intent");
    if (intent.latestCharge === null || intent.amountReceived === 0) {
      const message = `This PaymentIntent (${intent.id}) does not have a successful charge to refund.`;
      throw new StripeRefusal(400, { type: "invalid_request_error", message, param: "payment_intent" });
    }
    const left = refundable(store, intent);
    if (left === 0) {
      const message = `Charge ${intent.latestCharge} has already been refunded.`;
      throw new StripeRefusal(400, { type: "invalid_request_error", code: "charge_already_refunded", message });
    }
    const amount = params.amount ?? left;
    if (amount < 1 || amount > left) {
      throw invalidParameter("amount", {
        message: `Refund amount (${amount}) is greater than unrefunded amount on charge (${left})`,
      });
    }
    const { reason = null, metadata = {} } = params;
    const status = call.behaviour.refundStatus;
    return renderRefund(refund(store, intent, { amount, reason, metadata, status }));
  };
}

/** GET /v1/refunds: those of one intent, newest first. */
export function listRefunds(call: Call) {
  const params = readParams(refundsSchema, call.params);
  readExpand(params.expand, []);
  const { store } = call;
  return page(params, {
    url: "/v1/refunds",
    kind: "refund",
    list: newestFirst(store.refunds),
    find: (id) => store.refunds.find((refund) => refund.id === id),
    keep: params.payment_intent === undefined ? undefined : (refund) => refund.intent === params.payment_intent,
    render: renderRefund,
  });
}

/** GET /v1/refunds/{id} */
export const retrieveRefund = retrieving("refund", ({ store, id }) => {
  const refund = store.refunds.find((refund) => refund.id === id);
  return refund && renderRefund(refund);
});

/** GET /v1/disputes/{id} */
export const retrieveDispute = retrieving("dispute", ({ store, id }) => {
  const dispute = store.disputes.find((dispute) => dispute.id === id);
  return dispute && renderDispute(dispute, store.livemode);
});

/** GET /v1/charges/{id} */
export const retrieveCharge = retrieving("charge", ({ store, id }) => {
  const intent = [...store.intents.values()].find(({ latestCharge }) => latestCharge === id);
  return intent && chargeOf(store, intent);
});

function retrieving(kind: string, find: (call: Call) => object | null | undefined) {
  return (call: Call) => {
    readExpand(readParams(z.strictObject({ expand: expand.optional() }), call.params).expand, []);
    return () => {
      const object = find(call);
      if (!object) throw resourceMissing(kind, { id: call.id, param: "id" });
      return object;
    };
  };
}

function newestFirst(refunds: StoredRefund[]): NewestFirst<StoredRefund> {
  const list = new NewestFirst<StoredRefund>();
  for (const refund of refunds) list.add(refund);
  return list;
}

/** GET /v1/events. Real events can be listed for 30 days. */
export function listEvents(call: Call) {
  const params = readParams(eventsSchema, call.params);
  readExpand(params.expand, []);
  const { store } = call;
  const wanted = params.types ?? (params.type === undefined ? undefined : [params.type]);
  const oldest = store.around.clock.nowSeconds() - 30 * 86_400;
  const shows = (type: string) =>
    wanted === undefined ||
    wanted.some((name) => name === type || (name.endsWith("*") && type.startsWith(name.slice(0, -1))));
  return page(params, {
    url: "/v1/events",
    kind: "event",
    list: store.eventList,
    find: (id) => store.events.get(id),
    keep: (event) => event.created >= oldest && shows(event.type),
    render: (event) => renderEvent(event, { livemode: store.livemode, account: store.connectedAccount }),
  });
}

/** GET /v1/invoice_payments: tells whether an intent belongs to an invoice. */
export function listInvoicePayments(call: Call) {
  const params = readParams(invoicePaymentsSchema, call.params);
  readExpand(params.expand, []);
  return () => {
    const intent = findIntent(call, params.payment.payment_intent, "payment[payment_intent]");
    const data = intent.invoice === null ? [] : [renderInvoicePayment(intent, call.store.livemode)];
    return { object: "list", url: "/v1/invoice_payments", has_more: false, data };
  };
}
