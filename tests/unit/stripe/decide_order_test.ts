import assert from "node:assert/strict";
import fc from "fast-check";
import { decideOrder } from "../../../functions/_shared/stripe/decide-order.ts";
import type { Finding, Standing } from "../../../functions/_shared/stripe/finding.ts";
import { at, order, payment } from "./builders.ts";

const PAID: Standing = { kind: "paid", amountReceived: 5000, currency: "eur" };
const HALF: Standing = { kind: "paid", amountReceived: 2500, currency: "eur" };
const DOLLARS: Standing = { kind: "paid", amountReceived: 5000, currency: "usd" };
const TIP: Standing = { kind: "paid", amountReceived: 5500, currency: "eur" };
const DEAD: Standing = { kind: "dead" };
const OPEN: Standing = { kind: "cancelable", end: "cancel_intent", id: "pi_x" };
const SOON: Standing = { kind: "wait", until: at(1000), why: "processing" };
const LATE: Standing = { kind: "wait", until: at(9000), why: "voucher_open" };
const ODD: Standing = { kind: "quarantine", why: "foreign_payment" };
const LOST: Standing = { kind: "unclear", why: "timeout" };
const BUSY: Standing = { kind: "unclear", why: "object_busy", notBefore: at(30_000) };
const LOCKED_LONGER: Standing = { kind: "unclear", why: "object_busy", notBefore: at(40_000) };

const rows: [string, Standing[], { outcome: string; reason: string; next?: Date; ends?: number }][] = [
  ["an order that covers its amount is paid", [PAID], { outcome: "paid", reason: "paid" }],
  ["a paid order ends its other payments", [PAID, OPEN, OPEN], { outcome: "paid", reason: "paid", ends: 2 }],
  ["paid counts more than a wait, a quarantine and a failure", [LATE, ODD, LOST, PAID], {
    outcome: "paid",
    reason: "paid",
  }],
  ["two payments that exceed the amount are paid twice", [PAID, PAID], { outcome: "paid", reason: "paid_twice" }],
  ["two halves are paid once", [HALF, HALF], { outcome: "paid", reason: "paid" }],
  ["one payment with a tip is paid once", [TIP], { outcome: "paid", reason: "paid" }],
  ["a second payment in another currency is paid twice", [PAID, DOLLARS], { outcome: "paid", reason: "paid_twice" }],
  ["half the amount is a mismatch and ends nothing", [HALF, OPEN], {
    outcome: "quarantined",
    reason: "amount_mismatch",
  }],
  ["another currency is a mismatch", [DOLLARS], { outcome: "quarantined", reason: "amount_mismatch" }],
  ["half the amount beside an unreadable payment is tried again", [HALF, LOST], {
    outcome: "retry",
    reason: "timeout",
  }],
  ["a quarantine ends nothing", [ODD, OPEN, SOON, LOST], { outcome: "quarantined", reason: "foreign_payment" }],
  ["a failure ends nothing", [LOST, OPEN, SOON], { outcome: "retry", reason: "timeout" }],
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
  ["a wait ends nothing, the customer may still use the other payment", [SOON, OPEN, DEAD], {
    outcome: "waiting",
    reason: "processing",
    next: at(1000),
  }],
  ["several waits last until the earliest", [LATE, SOON], { outcome: "waiting", reason: "processing", next: at(1000) }],
  ["cancelable payments are ended", [OPEN, DEAD, OPEN], { outcome: "expired", reason: "all_dead", ends: 2 }],
  ["an order with all payments dead is expired", [DEAD, DEAD], { outcome: "expired", reason: "all_dead" }],
];

for (const [name, standings, { outcome, reason, next = null, ends = 0 }] of rows) {
  Deno.test(`decision on an order: ${name}`, () => {
    const step = decide(standings);
    assert.deepEqual(
      { outcome: step.outcome, reason: step.reason, next: step.nextCheckAt, ends: step.end.length },
      { outcome, reason, next, ends },
    );
  });
}

Deno.test("decision on an order: one that never had a payment is expired", () => {
  const { outcome, reason } = decideOrder(order({ payments: [] }), []);
  assert.deepEqual({ outcome, reason }, { outcome: "expired", reason: "no_payment" });
});

Deno.test("decision on an order: one whose payments were all dead before is expired", () => {
  const { outcome, reason } = decideOrder(order({ payments: [payment({ state: "dead" })] }), []);
  assert.deepEqual({ outcome, reason }, { outcome: "expired", reason: "all_dead" });
});

/** The intent pi_1, after the Checkout Session whose own it is. */
function beside(own: Standing, session: Standing, sessions: string | null = "pi_1") {
  const finding = (stripeId: string, standing: Standing, ownIntent: string | null): Finding => ({
    payment: payment({ stripeId }),
    standing,
    ended: null,
    evidence: {},
    ownIntent,
    capturesByHand: false,
  });
  const findings = [finding("cs_1", session, sessions), finding("pi_1", own, null)];
  const { outcome, reason } = decideOrder(order({ payments: findings.map(({ payment }) => payment) }), findings);
  return `${outcome} ${reason}`;
}

Deno.test("decision on an order: a session and its own intent are one payment", () => {
  assert.equal(beside(PAID, PAID), "paid paid");
  assert.equal(beside(PAID, PAID, "pi_2"), "paid paid_twice");
  assert.equal(beside(PAID, PAID, null), "paid paid_twice");
});

Deno.test("decision on an order: half the amount, told by a session and by its intent, does not add up to all of it", () => {
  assert.equal(beside(HALF, HALF), "quarantined amount_mismatch");
});

Deno.test("decision on an order: an intent counts while its own session is not paid", () => {
  assert.equal(beside(PAID, LOST), "paid paid");
  assert.equal(beside(PAID, OPEN), "paid paid");
});

const anyStandings = fc.array(
  fc.constantFrom(PAID, HALF, DOLLARS, DEAD, OPEN, SOON, LATE, ODD, LOST, BUSY),
  { minLength: 1, maxLength: 5 },
);

Deno.test("an order is expired, with nothing left to end, only if every payment is dead", () => {
  fc.assert(
    fc.property(anyStandings, (standings) => {
      const step = decide(standings);
      if (step.outcome === "expired" && step.end.length === 0) assert.ok(standings.every((one) => one === DEAD));
    }),
    { numRuns: 1000 },
  );
});

Deno.test("payments are ended only when the order closes: as paid, or with nothing but dead beside them", () => {
  fc.assert(
    fc.property(anyStandings, (standings) => {
      const step = decide(standings);
      if (step.end.length === 0 || step.outcome === "paid") return;
      assert.ok(standings.every((one) => one === DEAD || one === OPEN));
    }),
    { numRuns: 1000 },
  );
});

Deno.test("the order of the payments does not matter", () => {
  const shuffled = anyStandings.chain((standings) =>
    fc.tuple(fc.constant(standings), fc.shuffledSubarray(standings, { minLength: standings.length }))
  );
  fc.assert(
    fc.property(shuffled, ([standings, others]) => {
      const { end: a, ...one } = decide(standings);
      const { end: b, ...other } = decide(others);
      assert.deepEqual([one, a.length], [other, b.length]);
    }),
    { numRuns: 1000 },
  );
});

function decide(standings: readonly Standing[]) {
  const findings = standings.map((standing, index): Finding => ({
    payment: payment({ stripeId: `pi_${index}` }),
    standing,
    ended: null,
    evidence: {},
    ownIntent: null,
    capturesByHand: false,
  }));
  return decideOrder(order({ payments: findings.map(({ payment }) => payment) }), findings);
}
