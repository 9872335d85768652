import assert from "node:assert/strict";
import type { Payer, StalePayment } from "../../../functions/_shared/payments.ts";
import {
  decideStalePayment,
  type LeftAlone,
  mayBeOwnIntent,
} from "../../../functions/_shared/stripe/decide-stale-payment.ts";
import type { Standing } from "../../../functions/_shared/stripe/finding.ts";
import { found, NOW, type OrderWord, stalePayment } from "./builders.ts";

const UNTIL = new Date("2026-12-01T00:00:00Z");
const STANDINGS = {
  paid: { kind: "paid", amountReceived: 2000, currency: "eur" },
  "paid too little": { kind: "paid", amountReceived: 1999, currency: "eur" },
  "paid in another currency": { kind: "paid", amountReceived: 2000, currency: "usd" },
  dead: { kind: "dead" },
  cancelable: { kind: "cancelable", end: "cancel_intent", id: "pi_1" },
  "a session to expire": { kind: "cancelable", end: "expire_session", id: "cs_1" },
  processing: { kind: "wait", why: "processing", until: UNTIL },
  "out of time": { kind: "wait", why: "out_of_time", until: NOW },
  throttled: { kind: "wait", why: "throttled", until: NOW },
  puzzling: { kind: "quarantine", why: "unknown_status" },
  unclear: { kind: "unclear", why: "timeout" },
  stop: { kind: "stop", why: "key_rejected" },
} satisfies Record<string, Standing>;

const OPEN: OrderWord[] = ["pending", "expiring", "quarantined"];
const ORDERS: OrderWord[] = [...OPEN, "paid", "expired", "absent"];

const late = ["late_payment order_expired", "late_payment order_absent"];
const closed = (decided: string) => [decided, decided, decided];

/** Of a payment the shop never recorded: its order is open | paid | expired | absent. "–" is nothing at all. */
const UNKNOWN: Record<keyof typeof STANDINGS, string[]> = {
  paid: ["paid paid", "–", ...late],
  "paid too little": ["kept amount_mismatch !", "–", ...late],
  "paid in another currency": ["kept amount_mismatch !", "–", ...late],
  dead: ["–", ...closed("–")],
  cancelable: ["deferred order_open", ...closed("kept would_cancel")],
  "a session to expire": ["deferred order_open", ...closed("kept would_expire_session")],
  processing: ["deferred order_open", ...closed("kept processing")],
  "out of time": ["deferred out_of_time", ...closed("deferred out_of_time")],
  throttled: ["deferred throttled", ...closed("deferred throttled")],
  puzzling: ["deferred order_open", ...closed("kept unknown_status !")],
  unclear: ["kept timeout", ...closed("kept timeout")],
  stop: ["deferred run_stopped", ...closed("deferred run_stopped")],
};

for (const [name, [open, ...rest]] of Object.entries(UNKNOWN) as [keyof typeof STANDINGS, string[]][]) {
  Deno.test(`a payment the shop never recorded, ${name}, is decided by the state of its order`, () => {
    const decided = ORDERS.map((order) => decide(stalePayment(order), STANDINGS[name], "would_end"));
    assert.deepEqual(decided, [...OPEN.map(() => open), ...rest]);
  });
}

Deno.test("a recorded payment of an open order is left to the other job, unless it is paid", () => {
  for (const order of OPEN) {
    const known = stalePayment(order, { recordedState: "open" });
    for (const name of ["dead", "cancelable", "processing", "puzzling"] as const) {
      assert.equal(decide(known, STANDINGS[name]), "–", `${name}, ${order}`);
    }
    assert.equal(decide(known, STANDINGS.paid), "paid paid");
  }
});

Deno.test("a recorded open payment of a paid order is ended, recorded or kept, never ignored", () => {
  const known = stalePayment("paid", { recordedState: "open", paidBy: [payer("pi_2")] });
  assert.equal(decide(known, STANDINGS.cancelable, "would_end"), "kept would_cancel");
  assert.equal(decide(known, STANDINGS.dead), "found_dead already_dead");
  assert.equal(decide(known, STANDINGS.processing), "kept processing");
  assert.equal(decide(known, STANDINGS.paid), "found_paid paid_twice");
  assert.equal(decide({ ...known, paidBy: [] }, STANDINGS.paid), "found_paid paid");
});

Deno.test("a paid order's own payment is no find, and the intent of the session that paid it neither", () => {
  assert.equal(decide(stalePayment("paid", { recordedState: "paid" }), STANDINGS.paid), "–");
  assert.equal(decide(stalePayment("paid", { paidBy: [payer("cs_1")] }), STANDINGS.paid), "–");
  assert.equal(decide(stalePayment("paid", { paidBy: [payer("pi_2")] }), STANDINGS.paid), "found_paid paid_twice");
});

Deno.test("money on a payment recorded dead is a find", () => {
  const dead = { recordedState: "dead" } as const;
  assert.equal(decide(stalePayment("expired", dead), STANDINGS.paid), "late_payment order_expired");
  assert.equal(decide(stalePayment("paid", dead), STANDINGS.paid), "kept dead_record_contradicted !");
  assert.equal(decide(stalePayment("pending", dead), STANDINGS.paid), "paid paid");
  assert.equal(decide(stalePayment("expired", dead), STANDINGS.dead), "–");
});

Deno.test("what this run ended is canceled, and so is what an earlier one set out to end", () => {
  const it = stalePayment("expired");
  const { finding } = found(it, STANDINGS.dead, "ended_reply_lost");
  const now = { now: NOW, leftAlone: null };
  assert.equal(decideStalePayment({ payment: it, finding }, now)!.reason, "ended_reply_lost");
  const planned = stalePayment("expired", { listed: { looks: 0, ending: true } });
  assert.equal(decide(planned, STANDINGS.dead), "canceled ended_earlier");
});

Deno.test("a payment on the revisit list always leaves it or gets another date", () => {
  const listed = { listed: { looks: 3, ending: false } };
  for (const order of ORDERS) {
    for (const recordedState of [null, "open", "paid"] as const) {
      for (const [name, standing] of Object.entries(STANDINGS)) {
        const decided = decide(stalePayment(order, { ...listed, recordedState }), standing, "limit_reached");
        assert.notEqual(decided, "–", `${name}, ${order}, recorded ${recordedState}`);
      }
    }
  }
});

Deno.test("a payment that was to be ended and was not is looked at again at once", () => {
  for (const leftAlone of ["limit_reached", "brake"] as const) {
    const payment = stalePayment("expired");
    const decision = decideStalePayment(found(payment, STANDINGS.cancelable), { now: NOW, leftAlone })!;
    assert.deepEqual([decision.outcome, decision.reason, decision.nextLookAt], ["deferred", leftAlone, NOW]);
  }
});

Deno.test("a cancelable payment that nobody tried to end is a fault of the program", () => {
  assert.throws(() => decide(stalePayment("absent"), STANDINGS.cancelable), /nobody tried to end it/);
});

Deno.test("a payment whose owner could not be read leaves the list once it turns out to be somebody else's", () => {
  const unread = stalePayment("absent", { orderId: null });
  const foreign: Standing = { kind: "quarantine", why: "foreign_payment" };
  assert.equal(decide(unread, foreign), "–");
  assert.equal(decide({ ...unread, listed: { looks: 1, ending: false } }, foreign), "unlisted foreign_payment");
  assert.equal(decide(stalePayment("expired"), foreign), "kept foreign_payment !");
});

Deno.test("a protected payment is looked at again when its protection ends, and not twice in one day", () => {
  const soon: Standing = { kind: "wait", why: "processing", until: new Date(NOW.getTime() + 3_600_000) };
  const decide = (standing: Standing) =>
    decideStalePayment(found(stalePayment("expired"), standing), { now: NOW, leftAlone: null })!.nextLookAt;
  assert.deepEqual(decide(STANDINGS.processing), UNTIL);
  assert.deepEqual(decide(soon), new Date(NOW.getTime() + 86_400_000));
});

/** "outcome reason", with a "!" when an operator has to hear of it. */
function decide(payment: StalePayment, standing: Standing, leftAlone: LeftAlone | null = null): string {
  const decision = decideStalePayment(found(payment, standing), { now: NOW, leftAlone });
  return decision ? `${decision.outcome} ${decision.reason}${decision.alert ? " !" : ""}` : "–";
}

Deno.test("a paid intent that nobody recorded waits while its order has an open session: it may be the session's own", () => {
  const beside = stalePayment("pending", { openSession: true });
  assert.equal(decide(beside, STANDINGS.paid), "deferred order_open");
  assert.equal(decide({ ...beside, recordedState: "open" }, STANDINGS.paid), "paid paid");
  assert.equal(decide(stalePayment("pending"), STANDINGS.paid), "paid paid");
});

const payer = (stripeId: string, intent: string | null = null): Payer => ({
  kind: stripeId.startsWith("cs_") ? "checkout_session" : "payment_intent",
  stripeId,
  intent,
});

/** The decision on the paid intent pi_1 of a paid order. `sessions`: what Stripe says it belongs to. */
function decidePaid(known: Partial<StalePayment>, sessions?: string[]): string {
  const it = { ...found(stalePayment("paid", known), STANDINGS.paid), ...(sessions ? { sessions } : {}) };
  const decision = decideStalePayment(it, { now: NOW, leftAlone: null });
  return `${decision ? `${decision.outcome} ${decision.reason}` : "–"}${mayBeOwnIntent(it) ? " ?" : ""}`;
}

Deno.test("an attached intent is no second payment beside its own session, and Stripe is asked only where nobody knows", () => {
  const attached = { recordedState: "open" } as const;
  assert.equal(decidePaid({ ...attached, paidBy: [payer("cs_1", "pi_1")] }), "found_paid paid");
  assert.equal(decidePaid({ ...attached, paidBy: [payer("cs_1", "pi_1"), payer("pi_2")] }), "found_paid paid");
  assert.equal(decidePaid({ ...attached, paidBy: [payer("cs_1", "pi_2")] }), "found_paid paid_twice");
  const unknown = { ...attached, paidBy: [payer("cs_1")] };
  assert.equal(decidePaid(unknown), "found_paid paid ?");
  assert.equal(decidePaid(unknown, ["cs_1"]), "found_paid paid");
  assert.equal(decidePaid(unknown, ["cs_2"]), "found_paid paid_twice");
  assert.equal(decidePaid(unknown, []), "found_paid paid_twice");
});

Deno.test("an intent nobody attached is asked about only if it would be called a second payment", () => {
  assert.equal(decidePaid({ paidBy: [payer("cs_1")] }), "–");
  assert.equal(decidePaid({ paidBy: [payer("cs_1", "pi_1")] }), "–");
  assert.equal(decidePaid({ paidBy: [payer("cs_1", "pi_2")] }), "found_paid paid_twice");
  assert.equal(decidePaid({ paidBy: [payer("cs_1"), payer("pi_2")] }), "– ?");
  assert.equal(decidePaid({ paidBy: [payer("cs_1"), payer("pi_2")] }, ["cs_1"]), "–");
  assert.equal(decidePaid({ paidBy: [payer("cs_1"), payer("pi_2")] }, []), "found_paid paid_twice");
  assert.equal(decidePaid({ recordedState: "paid", paidBy: [payer("cs_1")] }), "–");
});

Deno.test("where the database tells no ids, an intent of Checkout is taken for that of the session that paid", () => {
  const paidBy: Payer[] = [{ kind: "checkout_session", stripeId: null, intent: null }];
  assert.equal(decidePaid({ recordedState: "open", paidBy }), "found_paid paid ?");
  assert.equal(decidePaid({ recordedState: "open", paidBy }, ["cs_1"]), "found_paid paid");
  assert.equal(decidePaid({ recordedState: "open", paidBy }, []), "found_paid paid_twice");
});

Deno.test("an attached session is no second payment beside its own intent", () => {
  const session = stalePayment("paid", { kind: "checkout_session", stripeId: "cs_1", recordedState: "open" });
  const reason = (ownIntent: string | null, paidBy: Payer[]) => {
    const { payment, finding } = found({ ...session, paidBy }, STANDINGS.paid);
    return decideStalePayment({ payment, finding: { ...finding, ownIntent } }, { now: NOW, leftAlone: null })!.reason;
  };
  assert.equal(reason("pi_1", [payer("pi_1")]), "paid");
  assert.equal(reason("pi_1", [payer("pi_2")]), "paid_twice");
  assert.equal(reason("pi_1", [payer("cs_2")]), "paid_twice");
});

Deno.test("a paid intent of an order set aside settles it, as the other job looks at none of its sessions", () => {
  assert.equal(decide(stalePayment("quarantined", { openSession: true }), STANDINGS.paid), "paid paid");
});
