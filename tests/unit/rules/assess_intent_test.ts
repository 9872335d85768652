import assert from "node:assert/strict";
import { assessIntent } from "../../../functions/_shared/rules/assess-intent.ts";
import type { AssessContext, PaymentAssessment } from "../../../functions/_shared/rules/assessment.ts";
import type { StripeIntent } from "../../../functions/_shared/stripe/objects.ts";
import { DEFAULT_POLICY } from "../../../functions/_shared/rules/policy.ts";
import {
  actionIntent,
  at,
  chargedIntent,
  context,
  DAY,
  HOUR,
  intent,
  MINUTE,
  NOW,
  order,
  seconds,
} from "./builders.ts";

const CANCEL: PaymentAssessment = { kind: "cancelable", call: "cancel_intent", id: "pi_1" };
const PAID: PaymentAssessment = { kind: "paid", amountReceived: 5000, currency: "eur" };
const quarantine = (why: Extract<PaymentAssessment, { kind: "quarantine" }>["why"]): PaymentAssessment => ({
  kind: "quarantine",
  why,
});
const wait = (until: Date, why: Extract<PaymentAssessment, { kind: "wait" }>["why"]): PaymentAssessment => ({
  kind: "wait",
  until,
  why,
});

const graceUsed: Partial<AssessContext> = { order: order({ graceUntil: at(-1) }) };
const old = { created: seconds(at(-8 * DAY)) };
const young = { created: seconds(at(-6 * DAY)) };
const windowEnd = at(DAY);

const rows: [string, StripeIntent, PaymentAssessment, Partial<AssessContext>?][] = [
  // 1.1, status by status
  ["requires_payment_method is cancelable", intent(), CANCEL],
  ["requires_confirmation is cancelable", intent({ status: "requires_confirmation" }), CANCEL],
  ["processing waits an hour", intent({ status: "processing" }), wait(at(HOUR), "processing")],
  [
    "requires_capture waits six hours",
    intent({ status: "requires_capture" }),
    wait(at(6 * HOUR), "requires_capture"),
  ],
  ["succeeded is paid", intent({ status: "succeeded", amount_received: 5000 }), PAID],
  [
    "succeeded below the amount is money all the same: the order's other payments may add up",
    intent({ status: "succeeded", amount_received: 2500 }),
    { ...PAID, amountReceived: 2500 },
  ],
  ["canceled is dead", intent({ status: "canceled" }), { kind: "dead" }],
  ["an unknown status is quarantined", intent({ status: "requires_blessing" }), quarantine("unknown_status")],

  // money received, whatever the status
  ["canceled after a full capture is paid", intent({ status: "canceled", amount_received: 5000 }), PAID],
  [
    "partly captured below the amount is quarantined",
    intent({ status: "requires_capture", amount_received: 1 }),
    quarantine("partly_received"),
  ],
  [
    "canceled after a partial capture is quarantined, not dead",
    intent({ status: "canceled", amount_received: 1 }),
    quarantine("partly_received"),
  ],
  // money given back, or in dispute
  ["succeeded and untouched is paid", chargedIntent({}), PAID],
  ["refunded in full is dead, and says why", chargedIntent({ amount_refunded: 5000 }), {
    kind: "dead",
    why: "refunded",
  }],
  ["refunded in part is quarantined", chargedIntent({ amount_refunded: 1 }), quarantine("partly_refunded")],
  ["disputed is quarantined", chargedIntent({ disputed: true }), quarantine("disputed")],
  [
    "disputed is paid where the settings say so",
    chargedIntent({ disputed: true }),
    PAID,
    { policy: { ...DEFAULT_POLICY, disputedPayments: "paid" } },
  ],
  [
    "disputed and refunded in full is dead: the shop has nothing, whoever wins",
    chargedIntent({ disputed: true, amount_refunded: 5000 }),
    { kind: "dead", why: "refunded" },
  ],
  [
    "money whose charge is only an id is unclear: it may have been given back",
    intent({ status: "succeeded", amount_received: 5000, latest_charge: "ch_1" }),
    { kind: "unclear", why: "bad_reply" },
  ],
  [
    "part of the money received and given back, and still cancelable: cancelable",
    chargedIntent({ amount_refunded: 1000 }, { status: "requires_payment_method", amount_received: 1000 }),
    CANCEL,
  ],
  ["cancelable but with money is quarantined", intent({ amount_received: 1 }), quarantine("partly_received")],
  [
    "money in another currency does not cover the order",
    intent({ status: "requires_capture", amount_received: 5000, currency: "usd" }),
    quarantine("partly_received"),
  ],

  // ownership
  ["one that names no order is proven by its attachment", intent({ metadata: {} }), CANCEL],
  [
    "one that names another order is quarantined",
    intent({ metadata: { order_id: "o2" } }),
    quarantine("foreign_payment"),
  ],
  [
    "a foreign one is quarantined even when canceled",
    intent({ status: "canceled", metadata: { order_id: "o2" } }),
    quarantine("foreign_payment"),
  ],
  ["a live one under a test key is quarantined", intent({ livemode: true }), quarantine("wrong_mode")],
  ["a test one under a live key is quarantined", intent(), quarantine("wrong_mode"), { livemode: true }],

  // an amount or currency that the shop cannot know
  [
    "fully received without being succeeded is paid, although the order's amount is unknown",
    intent({ status: "canceled", amount_received: 5000 }),
    PAID,
    { order: order({ amount: null, currency: null }) },
  ],
  [
    "partly received is quarantined, although the order's amount is unknown",
    intent({ status: "requires_capture", amount_received: 4999 }),
    quarantine("partly_received"),
    { order: order({ amount: null, currency: null }) },
  ],

  // 1.1, requires_action: the customer is at a screen
  [
    "3-D Secure gets five minutes once",
    actionIntent("use_stripe_sdk"),
    { kind: "wait", until: at(5 * MINUTE), why: "customer_action", grants: at(5 * MINUTE) },
  ],
  [
    "a running grace is waited for and not extended",
    actionIntent("redirect_to_url"),
    wait(at(MINUTE), "customer_action"),
    { order: order({ graceUntil: at(MINUTE) }) },
  ],
  [
    "a customer in 3-D Secure for an order that is closed gets no grace",
    actionIntent("use_stripe_sdk"),
    CANCEL,
    { order: order({ status: "paid" }) },
  ],
  ["a redirect after its grace is cancelable", actionIntent("redirect_to_url"), CANCEL, graceUsed],
  ["a grace that ends now is over", actionIntent("redirect_to_url"), CANCEL, { order: order({ graceUntil: NOW }) }],
  ["a wallet's QR code after its grace is cancelable", actionIntent("wechat_pay_display_qr_code"), CANCEL, graceUsed],

  // 1.7, vouchers
  [
    "a live OXXO voucher waits until its own expires_after",
    actionIntent("oxxo_display_details", { expires_after: seconds(at(2 * DAY)) }, old),
    wait(at(2 * DAY), "voucher_open"),
    graceUsed,
  ],
  [
    "a live boleto waits until its own expires_at",
    actionIntent("boleto_display_details", { expires_at: seconds(at(2 * DAY)) }),
    wait(at(2 * DAY), "voucher_open"),
  ],
  [
    "a live konbini code waits until its own expires_at",
    actionIntent("konbini_display_details", { expires_at: seconds(at(40 * DAY)) }),
    wait(at(40 * DAY), "voucher_open"),
  ],
  [
    "a live Multibanco reference waits until its own expires_at",
    actionIntent("multibanco_display_details", { expires_at: seconds(at(DAY)) }),
    wait(at(DAY), "voucher_open"),
  ],
  [
    "a live Pix code waits until its own expires_at",
    actionIntent("pix_display_qr_code", { expires_at: seconds(at(HOUR)) }),
    wait(at(HOUR), "voucher_open"),
  ],
  [
    "an expired voucher stays protected and is looked at now and then",
    actionIntent("multibanco_display_details", { expires_at: seconds(at(-HOUR)) }),
    wait(at(6 * HOUR), "voucher_open"),
    graceUsed,
  ],
  [
    "an expired voucher is looked at when its settle grace ends, not later",
    actionIntent("multibanco_display_details", { expires_at: seconds(at(-3 * DAY + HOUR)) }),
    wait(at(HOUR), "voucher_open"),
  ],
  [
    "a voucher three days past its expiry is cancelable",
    actionIntent("multibanco_display_details", { expires_at: seconds(at(-3 * DAY)) }),
    CANCEL,
  ],
  [
    "a voucher without a readable expiry waits for the window",
    actionIntent("pix_display_qr_code", {}, young),
    wait(windowEnd, "voucher_open"),
  ],
  [
    "a voucher without a readable expiry is quarantined after the window",
    actionIntent("boleto_display_details", { expires_at: null }, old),
    quarantine("voucher_expiry_unknown"),
  ],

  // 1.1 and 1.7, slow methods
  [
    "microdeposits wait for the window",
    actionIntent("verify_with_microdeposits", {}, young),
    wait(windowEnd, "slow_method"),
    graceUsed,
  ],
  ["microdeposits after the window are cancelable", actionIntent("verify_with_microdeposits", {}, old), CANCEL],
  [
    "a card notification waits for the window",
    actionIntent("card_await_notification", {}, young),
    wait(windowEnd, "slow_method"),
    graceUsed,
  ],
  [
    "a bank transfer waits for the window",
    actionIntent("display_bank_transfer_instructions", { amount_remaining: 5000 }, young),
    wait(windowEnd, "slow_method"),
    graceUsed,
  ],
  [
    "an unfunded bank transfer after the window is cancelable",
    actionIntent("display_bank_transfer_instructions", { amount_remaining: 5000 }, old),
    CANCEL,
  ],
  [
    "a part-funded bank transfer is never cancelable",
    actionIntent("display_bank_transfer_instructions", { amount_remaining: 4999 }, old),
    quarantine("partly_received"),
  ],
  [
    "a bank transfer that does not say what remains is never cancelable",
    actionIntent("display_bank_transfer_instructions", { amount_remaining: null }, old),
    quarantine("funding_unknown"),
  ],
  [
    "a new next_action type is quarantined",
    actionIntent("stare_at_screen"),
    quarantine("unknown_next_action"),
    graceUsed,
  ],
  [
    "a next_action named like an Object method is unknown",
    actionIntent("toString"),
    quarantine("unknown_next_action"),
    graceUsed,
  ],
  [
    "requires_action without an action is quarantined",
    intent({ status: "requires_action" }),
    quarantine("unknown_next_action"),
    graceUsed,
  ],
];

for (const [name, object, expected, overrides] of rows) {
  Deno.test(`an intent: ${name}`, () => {
    assert.deepEqual(assessIntent(object, context(overrides)), expected);
  });
}
