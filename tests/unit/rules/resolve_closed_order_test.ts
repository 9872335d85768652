import assert from "node:assert/strict";
import type { PaymentAssessment } from "../../../functions/_shared/rules/assessment.ts";
import type { ClaimedOrder } from "../../../functions/_shared/rules/orders.ts";
import { DEFAULT_POLICY, type Policy } from "../../../functions/_shared/rules/policy.ts";
import { resolveClosedOrder } from "../../../functions/_shared/rules/resolve-closed-order.ts";
import { assessed, at, DAY, HOUR, NOW, order } from "./builders.ts";

const PAID: PaymentAssessment = { kind: "paid", amountReceived: 5000, currency: "eur" };
const HALF: PaymentAssessment = { kind: "paid", amountReceived: 2500, currency: "eur" };
const DEAD: PaymentAssessment = { kind: "dead" };
const OPEN: PaymentAssessment = { kind: "cancelable", call: "cancel_intent", id: "pi_x" };
const SOON: PaymentAssessment = { kind: "wait", until: at(HOUR), why: "processing" };
const LATE: PaymentAssessment = { kind: "wait", until: at(3 * DAY), why: "voucher_open" };
const ODD: PaymentAssessment = { kind: "quarantine", why: "unknown_status" };
const LOST: PaymentAssessment = { kind: "unclear", why: "timeout" };
const BUSY: PaymentAssessment = { kind: "unclear", why: "object_busy", notBefore: at(30_000) };
const THROTTLED: PaymentAssessment = { kind: "postponed", why: "throttled", until: at(60_000) };

type Expected = { said: string; next?: Date; cancels?: number };
const rows: [string, PaymentAssessment[], Expected][] = [
  ["everything that is over needs no other look", [DEAD, PAID], { said: "checked payments_checked" }],
  ["every cancelable payment is cancelled", [OPEN, DEAD, OPEN], {
    said: "checked payments_checked",
    next: at(DAY),
    cancels: 2,
  }],
  ["a payment that waits holds up no other", [SOON, OPEN], { said: "checked processing", next: at(DAY), cancels: 1 }],
  ["a payment that puzzles holds up no other", [ODD, OPEN], {
    said: "checked unknown_status",
    next: at(DAY),
    cancels: 1,
  }],
  ["a payment that cannot be read holds up no other", [LOST, OPEN], { said: "retry timeout", cancels: 1 }],
  ["a protected payment is looked at when its protection ends", [LATE], {
    said: "checked voucher_open",
    next: at(3 * DAY),
  }],
  ["… and not twice in one day", [SOON], { said: "checked processing", next: at(DAY) }],
  ["a payment that puzzles is looked at in a week", [ODD], { said: "checked unknown_status", next: at(7 * DAY) }],
  ["the earliest look counts", [ODD, LATE], { said: "checked unknown_status", next: at(3 * DAY) }],
  ["a locked payment is left for thirty seconds", [BUSY, LATE], { said: "retry object_busy", next: at(30_000) }],
  ["a call that was not made is made later", [THROTTLED, ODD, OPEN], {
    said: "handed_back throttled",
    next: at(60_000),
    cancels: 1,
  }],
];

for (const [name, assessments, { said, next = null, cancels = 0 }] of rows) {
  for (const status of ["paid", "expired"] as const) {
    Deno.test(`an order that is ${status}: ${name}`, () => {
      assert.deepEqual(resolve(assessments, { status }), { said, next, cancels });
    });
  }
}

Deno.test("the longer a payment is known, the later it is checked again, up to four weeks", () => {
  const after = (age: number) => resolve([ODD], { status: "paid" }, { attachedAt: at(-age) }).next;
  assert.deepEqual([after(DAY), after(10 * DAY), after(100 * DAY)], [at(7 * DAY), at(10 * DAY), at(28 * DAY)]);
});

Deno.test("a quarantined order is left to its operator, unless its payments cover it", () => {
  const quarantined = (...assessments: PaymentAssessment[]) => resolve(assessments, { status: "quarantined" });
  assert.deepEqual(quarantined(OPEN), { said: "checked order_quarantined", next: at(DAY), cancels: 0 });
  assert.deepEqual(quarantined(OPEN, HALF), { said: "checked order_quarantined", next: at(DAY), cancels: 0 });
  assert.deepEqual(quarantined(OPEN, PAID, ODD), { said: "paid paid", next: null, cancels: 0 });
  assert.deepEqual(quarantined(HALF, HALF), { said: "paid paid", next: null, cancels: 0 });
  assert.deepEqual(quarantined(PAID, PAID), { said: "paid paid_twice", next: null, cancels: 0 });
});

Deno.test("payments of an unknown order are cancelled only within the scope and with a proven key", () => {
  const unknown = (known: Partial<ClaimedOrder>, context: Partial<{ policy: Policy; keyProven: boolean }> = {}) =>
    resolve([OPEN], { status: "unknown", ...known }, {}, context);
  const left = (reason: string) => ({ said: `checked ${reason}`, next: at(DAY), cancels: 0 });
  const cancelled = { said: "checked payments_checked", next: at(DAY), cancels: 1 };
  const knownOnly = { policy: { ...DEFAULT_POLICY, cleanupScope: "known" } as const };

  assert.deepEqual(unknown({ shopState: "gone" }), cancelled);
  assert.deepEqual(unknown({ shopState: "gone" }, { keyProven: false }), left("account_unproven"));
  assert.deepEqual(unknown({ shopState: "gone" }, knownOnly), left("outside_scope"));
  for (const shopState of ["paid", "closed"] as const) {
    assert.deepEqual(unknown({ shopState }, { ...knownOnly, keyProven: false }), cancelled);
  }
});

Deno.test("an order whose state the shop did not report is handed back, because it may be open", () => {
  const step = resolve([OPEN], { status: "unknown", shopState: null });
  assert.deepEqual(step, { said: "handed_back order_locked", next: null, cancels: 0 });
});

function resolve(
  assessments: PaymentAssessment[],
  claimed: Partial<ClaimedOrder>,
  known: { attachedAt?: Date } = {},
  context: Partial<{ policy: Policy; keyProven: boolean }> = {},
) {
  const payments = assessments.map((it, index) => assessed(it, { stripeId: `pi_${index}`, ...known }));
  const { outcome, reason, nextCheckAt, cancel } = resolveClosedOrder(
    order({ payments: payments.map(({ payment }) => payment), ...claimed }),
    payments,
    { now: NOW, policy: DEFAULT_POLICY, keyProven: true, ...context },
  );
  return { said: `${outcome} ${reason}`, next: nextCheckAt, cancels: cancel.length };
}
