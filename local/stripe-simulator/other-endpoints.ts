import { z } from "zod";
import type { Call } from "./endpoint.ts";
import { invalidParameter, StripeRefusal } from "./errors.ts";
import { findIntent } from "./intent-endpoints.ts";
import { expand, integer, listParams, metadata, readExpand, readParams, text } from "./params.ts";
import { page } from "./page.ts";
import { renderEvent, renderInvoicePayment, renderRefund } from "./render.ts";

const refundSchema = z.strictObject({
  payment_intent: text,
  amount: integer.optional(),
  reason: z.enum(["duplicate", "fraudulent", "requested_by_customer"]).optional(),
  metadata: metadata.optional(),
  expand: expand.optional(),
});
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
    const before = store.refunds.filter((refund) => refund.intent === intent.id);
    const left = intent.amountReceived - before.reduce((sum, refund) => sum + refund.amount, 0);
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
    const { currency, latestCharge: charge } = intent;
    const { newId, clock } = store.around;
    const refund = {
      id: newId("re_"),
      created: clock.nowSeconds(),
      seq: store.nextSeq(),
      amount,
      currency,
      charge,
      metadata,
      reason,
      intent: intent.id,
    };
    store.refunds.push(refund);
    store.money("refunded", intent, amount);
    return renderRefund(refund);
  };
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

/** GET /v1/invoice_payments: how to learn that an intent belongs to an invoice. */
export function listInvoicePayments(call: Call) {
  const params = readParams(invoicePaymentsSchema, call.params);
  readExpand(params.expand, []);
  return () => {
    const intent = findIntent(call, params.payment.payment_intent, "payment[payment_intent]");
    const data = intent.invoice === null ? [] : [renderInvoicePayment(intent, call.store.livemode)];
    return { object: "list", url: "/v1/invoice_payments", has_more: false, data };
  };
}
