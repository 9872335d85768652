import assert from "node:assert/strict";
import { NEXT_ACTION_KINDS } from "../../local/stripe-simulator/next-action.ts";
import { replyHeader, withSimulator } from "./with-simulator.ts";

const NEVER_NULL =
  "id object amount amount_capturable amount_received capture_method confirmation_method created currency " +
  "livemode metadata payment_method_types status";
const NULLABLE =
  "allowed_payment_method_types application application_fee_amount automatic_payment_methods canceled_at " +
  "cancellation_reason client_secret customer customer_account description excluded_payment_method_types last_payment_error " +
  "latest_charge managed_payments next_action on_behalf_of payment_method payment_method_configuration_details " +
  "payment_method_options payment_record processing receipt_email review setup_future_usage shipping source " +
  "statement_descriptor statement_descriptor_suffix status transfer_group";

Deno.test("an intent shows every field of its API version, and none that was removed", () =>
  withSimulator({}, async ({ stripe, control }) => {
    const [id] = control.createPaymentIntents([{}]);
    const intent = await stripe.paymentIntents.retrieve(id!) as unknown as Record<string, unknown>;
    for (const field of NEVER_NULL.split(" ")) assert.ok(intent[field] !== null && intent[field] !== undefined, field);
    for (const field of NULLABLE.split(" ")) assert.ok(field in intent, field);
    assert.ok(!("invoice" in intent) && !("charges" in intent));
  }));

for (const kind of NEXT_ACTION_KINDS) {
  Deno.test(`next_action ${kind} carries its details under its own type`, () =>
    withSimulator({}, async ({ stripe, control }) => {
      const [id] = control.createPaymentIntents([{ status: "requires_action", nextAction: kind }]);
      const { next_action } = await stripe.paymentIntents.retrieve(id!);
      const details = (next_action as unknown as Record<string, unknown>)[next_action!.type];
      assert.equal(typeof details, "object");
    }));
}

Deno.test("an intent of an invoice is known only by its invoice payment", () =>
  withSimulator({}, async ({ stripe, control }) => {
    const [billed, own] = control.createPaymentIntents([{ invoice: "in_1" }, {}]);
    const of = (payment_intent: string) =>
      stripe.invoicePayments.list({ payment: { type: "payment_intent", payment_intent } });
    assert.equal((await of(billed!)).data[0]?.invoice, "in_1");
    assert.equal((await of(own!)).data.length, 0);
  }));

Deno.test("the pinned version is echoed and every reply has a request id", () =>
  withSimulator({}, async ({ stripe, client }) => {
    const list = await stripe.paymentIntents.list();
    assert.match(replyHeader(list, "request-id")!, /^req_/);
    assert.equal(replyHeader(list, "stripe-version"), "2026-10-28.endive");
    const older = client("sk_test_simulated", { apiVersion: "2025-03-31.basil" as never });
    assert.equal(replyHeader(await older.paymentIntents.list(), "stripe-version"), "2025-03-31.basil");
  }));
