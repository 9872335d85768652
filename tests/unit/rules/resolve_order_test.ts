import assert from "node:assert/strict";
import fc from "fast-check";
import type { PaymentAssessment } from "../../../functions/_shared/rules/assessment.ts";
import { resolveOrder } from "../../../functions/_shared/rules/resolve-order.ts";
import { assessed, at, order, payment } from "./builders.ts";

const PAID: PaymentAssessment = { kind: "paid", amountReceived: 5000, currency: "eur" };
const HALF: PaymentAssessment = { kind: "paid", amountReceived: 2500, currency: "eur" };
const DOLLARS: PaymentAssessment = { kind: "paid", amountReceived: 5000, currency: "usd" };
const TIP: PaymentAssessment = { kind: "paid", amountReceived: 5500, currency: "eur" };
const DEAD: PaymentAssessment = { kind: "dead" };
const OPEN: PaymentAssessment = { kind: "cancelable", call: "cancel_intent", id: "pi_x" };
const SOON: PaymentAssessment = { kind: "wait", until: at(1000), why: "processing" };
const LATE: PaymentAssessment = { kind: "wait", until: at(9000), why: "voucher_open" };
const ODD: PaymentAssessment = { kind: "quarantine", why: "foreign_payment" };
const LOST: PaymentAssessment = { kind: "unclear", why: "timeout" };
const BUSY: PaymentAssessment = { kind: "unclear", why: "object_busy", notBefore: at(30_000) };
const POSTPONED: PaymentAssessment = { kind: "postponed", why: "throttled", until: at(60_000) };
const LOCKED_LONGER: PaymentAssessment = { kind: "unclear", why: "object_busy", notBefore: at(40_000) };

const rows: [string, PaymentAssessment[], { outcome: string; reason: string; next?: Date; cancels?: number }][] = [
  ["an order that covers its amount is paid", [PAID], { outcome: "paid", reason: "paid" }],
  ["a paid order cancels its other payments", [PAID, OPEN, OPEN], { outcome: "paid", reason: "paid", cancels: 2 }],
  ["paid counts more than a wait, a quarantine and a failure", [LATE, ODD, LOST, PAID], {
    outcome: "paid",
    reason: "paid",
  }],
  ["two payments that exceed the amount are paid twice", [PAID, PAID], { outcome: "paid", reason: "paid_twice" }],
  ["two halves are paid once", [HALF, HALF], { outcome: "paid", reason: "paid" }],
  ["one payment with a tip is paid once", [TIP], { outcome: "paid", reason: "paid" }],
  ["a second payment in another currency is paid twice", [PAID, DOLLARS], { outcome: "paid", reason: "paid_twice" }],
  ["half the amount is a mismatch and cancels nothing", [HALF, OPEN], {
    outcome: "quarantined",
    reason: "amount_mismatch",
  }],
  ["another currency is a mismatch", [DOLLARS], { outcome: "quarantined", reason: "amount_mismatch" }],
  ["half the amount beside an unreadable payment is tried again", [HALF, LOST], {
    outcome: "retry",
    reason: "timeout",
  }],
  ["half the amount beside a payment that time was too short for is handed back", [HALF, POSTPONED], {
    outcome: "handed_back",
    reason: "throttled",
    next: at(60_000),
  }],
  ["a payment that was not read hands the order back and cancels nothing", [POSTPONED, OPEN, SOON, DEAD], {
    outcome: "handed_back",
    reason: "throttled",
    next: at(60_000),
  }],
  ["a failed attempt counts more than a call that was not made", [POSTPONED, LOST], {
    outcome: "retry",
    reason: "timeout",
  }],
  ["a quarantine cancels nothing", [ODD, OPEN, SOON, LOST], { outcome: "quarantined", reason: "foreign_payment" }],
  ["a failure cancels nothing", [LOST, OPEN, SOON], { outcome: "retry", reason: "timeout" }],
  ["a locked payment is left for thirty seconds", [LOST, BUSY], {
    outcome: "retry",
    reason: "object_busy",
    next: at(30_000),
  }],
  ["several locked payments are left until the last one is free", [LOCKED_LONGER, BUSY], {
    outcome: "retry",
    reason: "object_busy",
    next: at(40_000),
  }],
  ["a wait cancels nothing, the customer may still use the other payment", [SOON, OPEN, DEAD], {
    outcome: "waiting",
    reason: "processing",
    next: at(1000),
  }],
  ["several waits last until the earliest", [LATE, SOON], { outcome: "waiting", reason: "processing", next: at(1000) }],
  ["cancelable payments are cancelled", [OPEN, DEAD, OPEN], { outcome: "expired", reason: "all_dead", cancels: 2 }],
  ["an order with all payments dead is expired", [DEAD, DEAD], { outcome: "expired", reason: "all_dead" }],
];

for (const [name, payments, { outcome, reason, next = null, cancels = 0 }] of rows) {
  Deno.test(`an open order: ${name}`, () => {
    const step = decide(payments);
    assert.deepEqual(
      { outcome: step.outcome, reason: step.reason, next: step.nextCheckAt, cancels: step.cancel.length },
      { outcome, reason, next, cancels },
    );
  });
}

Deno.test("an open order: one that never had a payment is expired", () => {
  const { outcome, reason } = resolveOrder(order({ payments: [] }), []);
  assert.deepEqual({ outcome, reason }, { outcome: "expired", reason: "no_payment" });
});

Deno.test("an open order: one whose payments were all dead before is expired", () => {
  const { outcome, reason } = resolveOrder(order({ payments: [payment({ state: "dead" })] }), []);
  assert.deepEqual({ outcome, reason }, { outcome: "expired", reason: "all_dead" });
});

Deno.test("an open order without a known amount is settled by any payment that succeeded", () => {
  const unknown = { amount: null, currency: null };
  const said = (...assessments: PaymentAssessment[]) => {
    const { outcome, reason } = decide(assessments, unknown);
    return `${outcome} ${reason}`;
  };
  assert.equal(said(HALF, OPEN), "paid paid");
  assert.equal(said(DOLLARS), "paid paid");
  assert.equal(said({ kind: "paid", amountReceived: 0, currency: null }), "paid paid");
  assert.equal(said(HALF, HALF), "paid maybe_paid_twice");
  assert.equal(said(OPEN, DEAD), "expired all_dead");
});

Deno.test("an open order with nothing to pay never expires as unpaid", () => {
  for (const assessments of [[], [DEAD], [OPEN]]) {
    const { outcome, reason, cancel } = decide(assessments, { amount: 0 });
    assert.deepEqual([outcome, reason, cancel], ["quarantined", "nothing_to_pay", []]);
  }
  assert.equal(decide([{ kind: "paid", amountReceived: 0, currency: "eur" }], { amount: 0 }).outcome, "paid");
});

/** The intent pi_1, after the Checkout Session whose own it is. */
function beside(own: PaymentAssessment, session: PaymentAssessment, ownIntent: string | null = "pi_1") {
  const payments = [assessed(session, { stripeId: "cs_1", ownIntent }), assessed(own, { stripeId: "pi_1" })];
  const { outcome, reason } = resolveOrder(order({ payments: payments.map(({ payment }) => payment) }), payments);
  return `${outcome} ${reason}`;
}

Deno.test("an open order: a session and its own intent are one payment", () => {
  assert.equal(beside(PAID, PAID), "paid paid");
  assert.equal(beside(PAID, PAID, "pi_2"), "paid paid_twice");
  assert.equal(beside(PAID, PAID, null), "paid paid_twice");
});

Deno.test("an open order: half the amount, reported by a session and by its intent, is not the whole amount", () => {
  assert.equal(beside(HALF, HALF), "quarantined amount_mismatch");
});

Deno.test("an open order: an intent counts while its own session is not paid", () => {
  assert.equal(beside(PAID, LOST), "paid paid");
  assert.equal(beside(PAID, OPEN), "paid paid");
});

const anyPaymentAssessments = fc.array(
  fc.constantFrom(PAID, HALF, DOLLARS, DEAD, OPEN, SOON, LATE, ODD, LOST, BUSY, POSTPONED),
  { minLength: 1, maxLength: 5 },
);

Deno.test("an order expires only if every payment is dead", () => {
  fc.assert(
    fc.property(anyPaymentAssessments, (payments) => {
      const step = decide(payments);
      if (step.outcome === "expired" && step.cancel.length === 0) assert.ok(payments.every((one) => one === DEAD));
    }),
    { numRuns: 1000 },
  );
});

Deno.test("payments are cancelled only if the order closes: as paid, or with only dead payments beside them", () => {
  fc.assert(
    fc.property(anyPaymentAssessments, (payments) => {
      const step = decide(payments);
      if (step.cancel.length === 0 || step.outcome === "paid") return;
      assert.ok(payments.every((one) => one === DEAD || one === OPEN));
    }),
    { numRuns: 1000 },
  );
});

Deno.test("the order of the payments does not matter", () => {
  const shuffled = anyPaymentAssessments.chain((payments) =>
    fc.tuple(fc.constant(payments), fc.shuffledSubarray(payments, { minLength: payments.length }))
  );
  fc.assert(
    fc.property(shuffled, ([payments, others]) => {
      const { cancel: a, ...one } = decide(payments);
      const { cancel: b, ...other } = decide(others);
      assert.deepEqual([one, a.length], [other, b.length]);
    }),
    { numRuns: 1000 },
  );
});

function decide(assessments: readonly PaymentAssessment[], claimed = {}) {
  const payments = assessments.map((it, index) => assessed(it, { stripeId: `pi_${index}` }));
  return resolveOrder(order({ payments: payments.map(({ payment }) => payment), ...claimed }), payments);
}
