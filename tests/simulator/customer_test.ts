import assert from "node:assert/strict";
import type { CustomerAction } from "../../local/stripe-simulator/customer-action.ts";
import { withSimulator } from "./with-simulator.ts";

type Step = [verb: CustomerAction["verb"], status: string, more?: Partial<CustomerAction>];

const STORIES: Record<string, Step[]> = {
  "pays by card": [["attach_pm", "requires_confirmation"], ["confirm_ok", "succeeded"]],
  "is declined and tries again": [["decline", "requires_payment_method"], ["confirm_ok", "succeeded"]],
  "passes 3-D Secure": [["start_3ds", "requires_action"], ["finish_3ds", "succeeded"]],
  "fails 3-D Secure": [["start_3ds", "requires_action", { redirect: true }], ["fail_3ds", "requires_payment_method"]],
  "pays a voucher at the counter": [
    ["voucher_issue", "requires_action", { method: "konbini" }],
    ["voucher_pay", "succeeded"],
  ],
  "lets a voucher lapse": [["voucher_issue", "requires_action"], ["voucher_lapse", "requires_payment_method"]],
  "sends the money in two transfers": [
    ["bank_issue", "requires_action"],
    ["bank_fund", "requires_action", { amount: 500 }],
    ["bank_fund", "succeeded", { amount: 1500 }],
  ],
  "pays by debit, which settles": [["async_submit", "processing"], ["async_settle", "succeeded"]],
  "pays by debit, which fails": [["async_submit", "processing"], ["async_fail", "requires_payment_method"]],
  "is only authorised, then captured": [["authorise", "requires_capture"], ["capture", "succeeded"]],
  "is only authorised, and the hold lapses": [["authorise", "requires_capture"], ["lapse_hold", "canceled"]],
  "changes their mind, and the shop cancels": [["start_3ds", "requires_action"], ["cancel_in_dashboard", "canceled"]],
};

for (const [story, steps] of Object.entries(STORIES)) {
  Deno.test(`a customer ${story}`, () =>
    withSimulator({}, async ({ control, stripe }) => {
      const [id] = control.createPaymentIntents([{ amount: 2000, metadata: { order_id: "o1" } }]);
      for (const [verb, status, more] of steps) {
        const result = await control.customer({ id: id!, verb, ...more });
        assert.deepEqual([verb, result.accepted, result.status], [verb, true, status]);
      }
      const last = steps.at(-1)![1];
      assert.equal((await stripe.paymentIntents.retrieve(id!)).status, last);
      assert.equal(control.orderMoney({ orderId: "o1" }).charged, last === "succeeded");
    }));
}

Deno.test("a customer who comes after the cancel changes nothing and pays nothing", () =>
  withSimulator({}, async ({ control }) => {
    const [id] = control.createPaymentIntents([{ status: "canceled", metadata: { order_id: "o1" } }]);
    for (const verb of ["attach_pm", "confirm_ok", "start_3ds", "voucher_pay", "async_settle", "capture"] as const) {
      assert.deepEqual(await control.customer({ id: id!, verb }), {
        accepted: false,
        status: "canceled",
        sessionStatus: null,
      });
    }
    assert.equal(control.orderMoney({ orderId: "o1" }).charged, false);
  }));

Deno.test("a part of a bank transfer lowers what remains to be paid", () =>
  withSimulator({}, async ({ control, stripe }) => {
    const [id] = control.createPaymentIntents([{
      amount: 2000,
      status: "requires_action",
      nextAction: "bank_transfer",
    }]);
    await control.customer({ id: id!, verb: "bank_fund", amount: 700 });
    const intent = await stripe.paymentIntents.retrieve(id!);
    assert.equal(intent.next_action?.display_bank_transfer_instructions?.amount_remaining, 1300);
  }));
