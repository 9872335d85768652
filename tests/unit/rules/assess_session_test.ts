import assert from "node:assert/strict";
import { assessSession } from "../../../functions/_shared/rules/assess-session.ts";
import type { AssessContext, PaymentAssessment } from "../../../functions/_shared/rules/assessment.ts";
import type { StripeSession } from "../../../functions/_shared/stripe/objects.ts";
import {
  actionIntent,
  at,
  chargedIntent,
  context,
  DAY,
  HOUR,
  intent,
  MINUTE,
  order,
  payment,
  seconds,
  session,
} from "./builders.ts";

const EXPIRE: PaymentAssessment = { kind: "cancelable", call: "expire_session", id: "cs_1" };
const CANCEL: PaymentAssessment = { kind: "cancelable", call: "cancel_intent", id: "pi_1" };
const PAID: PaymentAssessment = { kind: "paid", amountReceived: 5000, currency: "eur" };
const quarantine = (why: Extract<PaymentAssessment, { kind: "quarantine" }>["why"]): PaymentAssessment => ({
  kind: "quarantine",
  why,
});
const graceUsed: Partial<AssessContext> = { order: order({ graceUntil: at(-1) }) };
const succeeded = intent({ status: "succeeded", amount_received: 5000 });
const canceled = intent({ status: "canceled" });

const rows: [string, StripeSession, PaymentAssessment, Partial<AssessContext>?][] = [
  ["open and never confirmed is ended by expiring it", session(), EXPIRE],
  [
    "open and noted by a customer is ours if its reference names the order",
    session({ metadata: {}, client_reference_id: "o1" }),
    EXPIRE,
    { payment: payment({ source: "client" }) },
  ],
  ["open with an unpaid intent is ended by expiring it", session({ payment_intent: intent() }), EXPIRE],
  ["open with a canceled intent is still payable, so it is expired", session({ payment_intent: canceled }), EXPIRE],
  ["open with a succeeded intent is paid", session({ payment_intent: succeeded }), PAID],
  [
    "open with the customer in 3-D Secure gets the grace",
    session({ payment_intent: actionIntent("use_stripe_sdk") }),
    { kind: "wait", until: at(5 * MINUTE), why: "customer_action", grants: at(5 * MINUTE) },
  ],
  ["expired without an intent is dead", session({ status: "expired" }), { kind: "dead" }],
  ["expired with a canceled intent is dead", session({ status: "expired", payment_intent: canceled }), {
    kind: "dead",
  }],
  [
    "expired with an intent still alive is not dead yet",
    session({ status: "expired", payment_intent: intent() }),
    CANCEL,
  ],
  [
    "expired with a processing intent waits",
    session({ status: "expired", payment_intent: intent({ status: "processing" }) }),
    { kind: "wait", until: at(HOUR), why: "processing" },
  ],
  [
    "complete and paid is paid",
    session({ status: "complete", payment_status: "paid", payment_intent: succeeded }),
    PAID,
  ],
  [
    "complete and paid without an intent counts amount_total",
    session({ status: "complete", payment_status: "paid" }),
    PAID,
  ],
  [
    "complete and paid against a canceled intent is quarantined",
    session({ status: "complete", payment_status: "paid", payment_intent: canceled }),
    quarantine("session_contradicts"),
  ],
  [
    "complete and paid, and all of it given back, is dead",
    session({ status: "complete", payment_status: "paid", payment_intent: chargedIntent({ amount_refunded: 5000 }) }),
    { kind: "dead", why: "refunded" },
  ],
  [
    "complete and paid, and disputed, is quarantined",
    session({ status: "complete", payment_status: "paid", payment_intent: chargedIntent({ disputed: true }) }),
    quarantine("disputed"),
  ],
  [
    "complete without a payment required is paid with nothing",
    session({ status: "complete", payment_status: "no_payment_required", amount_total: 0 }),
    { kind: "paid", amountReceived: 0, currency: "eur" },
  ],
  [
    "complete and unpaid with a processing intent waits",
    session({ status: "complete", payment_intent: intent({ status: "processing" }) }),
    { kind: "wait", until: at(HOUR), why: "processing" },
  ],
  [
    "complete and unpaid with a live voucher waits for the voucher",
    session({
      status: "complete",
      payment_intent: actionIntent("oxxo_display_details", { expires_after: seconds(at(DAY)) }),
    }),
    { kind: "wait", until: at(DAY), why: "voucher_open" },
    graceUsed,
  ],
  [
    "complete and unpaid without an intent waits",
    session({ status: "complete" }),
    { kind: "wait", until: at(HOUR), why: "session_settling" },
    graceUsed,
  ],
  [
    "complete and unpaid with a cancelable intent gets the grace first",
    session({ status: "complete", payment_intent: intent() }),
    { kind: "wait", until: at(5 * MINUTE), why: "customer_action", grants: at(5 * MINUTE) },
  ],
  [
    "complete and unpaid with a cancelable intent is ended through the intent after the grace",
    session({ status: "complete", payment_intent: intent() }),
    CANCEL,
    graceUsed,
  ],
  ["complete and unpaid with a canceled intent is dead", session({ status: "complete", payment_intent: canceled }), {
    kind: "dead",
  }],
  [
    "an unknown payment_status is quarantined",
    session({ status: "complete", payment_status: "half" }),
    quarantine("unknown_status"),
  ],
  ["an unknown status is quarantined", session({ status: "paused" }), quarantine("unknown_status")],
  ["a null status is quarantined", session({ status: null }), quarantine("unknown_status")],
  ["a subscription is quarantined", session({ mode: "subscription" }), quarantine("unsupported_session")],
  ["a setup is quarantined", session({ mode: "setup", status: "expired" }), quarantine("unsupported_session")],
  ["another order's session is quarantined", session({ metadata: { order_id: "o2" } }), quarantine("foreign_payment")],
  ["without metadata is proven by its attachment", session({ metadata: null, status: "expired" }), { kind: "dead" }],
  [
    "noted by a customer and without metadata is quarantined",
    session({ metadata: null, status: "expired" }),
    quarantine("foreign_payment"),
    { payment: payment({ stripeId: "cs_1", source: "client" }) },
  ],
  [
    "noted by a customer, its own metadata proves its intent",
    session({ payment_intent: intent({ metadata: {} }) }),
    EXPIRE,
    { payment: payment({ stripeId: "cs_1", source: "client" }) },
  ],
  [
    "known with its intent's id alone proves nothing about the money",
    session({ status: "expired", payment_intent: "pi_1" }),
    { kind: "unclear", why: "bad_reply" },
  ],
  [
    "a session that required no payment brought no money, whatever its total says",
    session({ status: "complete", payment_status: "no_payment_required", amount_total: 5000 }),
    { kind: "paid", amountReceived: 0, currency: "eur" },
  ],
  ["a live session under a test key is quarantined", session({ livemode: true }), quarantine("wrong_mode")],
  [
    "its intent need not repeat the order_id",
    session({ payment_intent: intent({ metadata: {} }) }),
    EXPIRE,
  ],
  [
    "its intent must not name another order",
    session({ payment_intent: intent({ metadata: { order_id: "o2" } }) }),
    quarantine("foreign_payment"),
  ],
  [
    "its intent must be of the key's mode",
    session({ payment_intent: intent({ livemode: true }) }),
    quarantine("wrong_mode"),
  ],
];

const recovery = (expires_at: number | null, enabled = true) => ({
  after_expiration: { recovery: { enabled, allow_promotion_codes: false, expires_at, url: null } },
});
const RECOVERABLE = quarantine("session_recoverable");
rows.push(
  ["open and recoverable is left open: expiring it makes the URL", session(recovery(null)), RECOVERABLE],
  [
    "expired and recoverable for another month is not dead",
    session({ status: "expired", ...recovery(seconds(at(30 * DAY))) }),
    RECOVERABLE,
  ],
  [
    "expired and recoverable without a date is not dead",
    session({ status: "expired", payment_intent: canceled, ...recovery(null) }),
    RECOVERABLE,
  ],
  [
    "expired and recoverable with an intent still alive ends nothing",
    session({ status: "expired", payment_intent: intent(), ...recovery(seconds(at(DAY))) }),
    RECOVERABLE,
  ],
  [
    "a copy made in the recovery URL's last second lives for a day",
    session({ status: "expired", ...recovery(seconds(at(-DAY + 1000))) }),
    RECOVERABLE,
  ],
  [
    "a day after its recovery URL went dead, an expired session is dead",
    session({ status: "expired", ...recovery(seconds(at(-DAY))) }),
    { kind: "dead" },
  ],
  ["recovery that is switched off is none", session({ status: "expired", ...recovery(null, false) }), { kind: "dead" }],
  [
    "after_expiration without a recovery is none",
    session({ status: "expired", after_expiration: { recovery: null } }),
    { kind: "dead" },
  ],
  [
    "recoverable with money in it is paid",
    session({ status: "complete", payment_status: "paid", payment_intent: succeeded, ...recovery(null) }),
    PAID,
  ],
  [
    "complete is never brought back, recoverable or not",
    session({ status: "complete", payment_intent: canceled, ...recovery(null) }),
    { kind: "dead" },
  ],
  [
    "recoverable with the bank at work waits",
    session({ payment_intent: intent({ status: "processing" }), ...recovery(null) }),
    { kind: "wait", until: at(HOUR), why: "processing" },
  ],
);

for (const [name, object, expected, overrides] of rows) {
  Deno.test(`a session: ${name}`, () => {
    assert.deepEqual(assessSession(object, context(overrides)), expected);
  });
}
