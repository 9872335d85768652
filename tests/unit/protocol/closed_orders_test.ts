import assert from "node:assert/strict";
import { createKeyCheck } from "../../../functions/_shared/protocol/key-check.ts";
import type { ClaimedOrder } from "../../../functions/_shared/rules/orders.ts";
import { actionIntent, at, DAY, HOUR, intent, NOW, order, payment, seconds, session } from "../rules/builders.ts";
import {
  CANCEL,
  cancel,
  canceled,
  examine,
  processing,
  READ,
  read,
  READ_SESSION,
  succeeded,
  wordsOf,
} from "./expect-decision.ts";
import { fakeStripe, lost, refused, throttled } from "./fake-stripe.ts";

const closed = (status: ClaimedOrder["status"], overrides: Partial<ClaimedOrder> = {}) =>
  order({ status, shopState: status === "unknown" ? "gone" : null, ...overrides });
const two = (...states: ("open" | "paid")[]) =>
  states.map((state, index) => payment({ stripeId: `pi_${index + 1}`, state }));

for (const status of ["paid", "expired", "unknown"] as const) {
  Deno.test(`of an order that is ${status}, every cancelable payment is cancelled, whatever the others do`, async () => {
    const stripe = fakeStripe({ pi_1: intent(), pi_2: { ...processing, id: "pi_2" }, pi_3: intent({ id: "pi_3" }) });
    const payments = ["pi_1", "pi_2", "pi_3"].map((stripeId) => payment({ stripeId }));
    const { decision } = await examine(stripe, closed(status, { payments }));
    assert.deepEqual(wordsOf(decision), [
      "checked processing",
      "canceled ended_by_run",
      "kept processing",
      "canceled ended_by_run",
    ]);
    assert.deepEqual(decision?.nextCheckAt, at(DAY));
    assert.deepEqual(stripe.calls, [read("pi_3"), read("pi_2"), READ, CANCEL, read("pi_3"), cancel("pi_3")]);
  });

  Deno.test(`of an order that is ${status}, neither a voucher nor a hold nor a debit is cancelled`, async () => {
    const voucher = actionIntent("oxxo_display_details", { expires_after: seconds(at(HOUR)) });
    for (const kept of [voucher, intent({ status: "requires_capture" }), processing]) {
      const stripe = fakeStripe({ pi_1: kept });
      const { decision } = await examine(stripe, closed(status));
      assert.deepEqual([decision?.outcome, decision?.payments[0]?.outcome, stripe.writes()], ["checked", "kept", []]);
    }
  });
}

Deno.test("a customer in 3-D Secure for a closed order gets no grace, because the payment could only do harm", async () => {
  const stripe = fakeStripe({ pi_1: actionIntent("use_stripe_sdk") });
  const { decision } = await examine(stripe, closed("paid"));
  assert.deepEqual(wordsOf(decision), ["checked payments_checked", "canceled ended_by_run"]);
  assert.equal(decision?.graceUntil, undefined);
});

Deno.test("only the open payments of a closed order are inspected", async () => {
  const stripe = fakeStripe({ pi_2: { ...canceled, id: "pi_2" } });
  const payments = [
    payment({ state: "paid" }),
    payment({ stripeId: "pi_2" }),
    payment({ stripeId: "pi_3", state: "dead" }),
  ];
  const { decision } = await examine(stripe, closed("paid", { payments }));
  assert.deepEqual(wordsOf(decision), ["checked payments_checked", "found_dead already_dead"]);
  assert.deepEqual([decision?.nextCheckAt, stripe.calls], [null, [read("pi_2")]]);
});

Deno.test("money found for a closed order is recorded with the right reason", async () => {
  const found = async (claimed: ClaimedOrder) =>
    wordsOf((await examine(fakeStripe({ pi_1: succeeded }), claimed)).decision)[1];
  assert.equal(await found(closed("expired")), "found_paid order_expired");
  assert.equal(await found(closed("unknown")), "found_paid order_absent");
  assert.equal(await found(closed("unknown", { shopState: "closed" })), "found_paid order_expired");
  assert.equal(await found(closed("unknown", { shopState: "paid" })), "found_paid paid");
  assert.equal(await found(closed("paid")), "found_paid paid");
  assert.equal(await found(closed("paid", { payments: two("open", "paid") })), "found_paid paid_twice");
});

Deno.test("two open payments of a paid order that both succeeded: the second is surplus", async () => {
  const stripe = fakeStripe({ pi_1: succeeded, pi_2: { ...succeeded, id: "pi_2" } });
  const { decision } = await examine(stripe, closed("paid", { payments: two("open", "open") }));
  assert.deepEqual(wordsOf(decision).slice(1), ["found_paid paid", "found_paid paid_twice"]);
});

/** An open intent beside a session that is recorded as paid, whose own intent is not recorded. */
function besideSession(ownIntent: string) {
  const paid = session({ status: "complete", payment_status: "paid", payment_intent: ownIntent });
  const stripe = fakeStripe({ pi_1: succeeded, pi_2: { ...succeeded, id: "pi_2" }, cs_1: paid });
  const payments = [payment(), payment({ stripeId: "cs_1", state: "paid" })];
  return { stripe, claimed: closed("paid", { payments }) };
}

Deno.test("a paid intent beside a session is not a second payment if it is the session's own, and Stripe is asked if that is unknown", async () => {
  const own = besideSession("pi_1");
  const { decision } = await examine(own.stripe, own.claimed);
  assert.deepEqual(wordsOf(decision), ["checked payments_checked", "found_paid paid"]);
  assert.equal(decision?.payments[0]?.evidence.session, "cs_1");
  assert.deepEqual(own.stripe.calls, [READ, READ_SESSION]);

  const other = besideSession("pi_2");
  const second = (await examine(other.stripe, other.claimed)).decision;
  assert.deepEqual(wordsOf(second), ["checked payments_checked", "found_paid paid_twice"]);
  assert.equal(second?.payments[0]?.evidence.session, "none");
});

Deno.test("if that session cannot be read, the money is not recorded yet and is inspected again later", async () => {
  const { stripe, claimed } = besideSession("pi_1");
  stripe.answer("readSession", "cs_1", lost("timeout"));
  const { decision } = await examine(stripe, claimed);
  assert.deepEqual(wordsOf(decision), ["retry timeout", "kept timeout"]);
  assert.equal(decision?.payments[0]?.state, "open");
});

Deno.test("an unpaid intent beside such a session causes no call", async () => {
  const { stripe, claimed } = besideSession("pi_1");
  stripe.set("pi_1", { status: "canceled", amount_received: 0 });
  await examine(stripe, claimed);
  assert.deepEqual(stripe.calls, [READ]);
});

Deno.test("a payment of a closed order that needs an operator raises an alert, because no quarantine shows it", async () => {
  const stripe = fakeStripe({ pi_1: intent({ status: "requires_blessing" }) });
  const { decision } = await examine(stripe, closed("paid"));
  assert.deepEqual(wordsOf(decision), ["checked unknown_status", "kept unknown_status"]);
  assert.deepEqual([decision?.payments[0]?.alert, decision?.nextCheckAt], [true, at(7 * DAY)]);
  const open = await examine(fakeStripe({ pi_1: intent({ status: "requires_blessing" }) }), order());
  assert.deepEqual([open.decision?.outcome, open.decision?.payments[0]?.alert], ["quarantined", undefined]);
});

Deno.test("for a closed order, an unreadable payment is a failed attempt and a rate refusal is not", async () => {
  const unreadable = fakeStripe({ pi_1: intent() });
  unreadable.answer("readIntent", "pi_1", lost("timeout"));
  assert.deepEqual(wordsOf((await examine(unreadable, closed("paid"))).decision), ["retry timeout", "kept timeout"]);
  const refusedForRate = fakeStripe({ pi_1: intent() });
  refusedForRate.answer("readIntent", "pi_1", throttled);
  const { decision } = await examine(refusedForRate, closed("paid"));
  assert.deepEqual(wordsOf(decision), ["handed_back throttled", "kept throttled"]);
});

Deno.test("no payment of a quarantined order is cancelled, but money that covers the order settles it", async () => {
  const stripe = fakeStripe({ pi_1: intent(), pi_2: intent({ id: "pi_2" }) });
  const claimed = closed("quarantined", { payments: two("open", "open") });
  assert.deepEqual(wordsOf((await examine(stripe, claimed)).decision), [
    "checked order_quarantined",
    "kept order_quarantined",
    "kept order_quarantined",
  ]);
  stripe.set("pi_2", { ...succeeded, id: "pi_2" });
  assert.deepEqual(wordsOf((await examine(stripe, claimed)).decision), [
    "paid paid",
    "kept order_quarantined",
    "found_paid paid",
  ]);
  assert.deepEqual(stripe.writes(), []);
});

Deno.test("half the money of a quarantined order is recorded, and the recorded half counts", async () => {
  const half = { status: "succeeded", amount_received: 2500 };
  const stripe = fakeStripe({ pi_1: intent(half), pi_2: intent({ ...half, id: "pi_2" }) });
  const one = await examine(stripe, closed("quarantined", { payments: two("open") }));
  assert.deepEqual(wordsOf(one.decision), ["checked payments_checked", "found_paid paid"]);
  const both = await examine(stripe, closed("quarantined", { payments: two("paid", "open") }));
  assert.equal(both.decision?.outcome, "paid");
});

Deno.test("no payment of an unknown order is cancelled while the key is unproven", async () => {
  const stripe = fakeStripe({ pi_1: intent() });
  const { decision } = await examine(stripe, closed("unknown"), { keyCheck: createKeyCheck() });
  assert.deepEqual([...wordsOf(decision), ...stripe.writes()], ["checked account_unproven", "kept account_unproven"]);
});

Deno.test("a payment of a known order that Stripe knows proves the key for unknown orders", async () => {
  const stripe = fakeStripe({ pi_1: intent(), pi_2: intent({ id: "pi_2" }) });
  const keyCheck = createKeyCheck();
  await examine(stripe, closed("paid", { payments: [payment({ stripeId: "pi_2" })] }), { keyCheck });
  const { decision } = await examine(stripe, closed("unknown"), { keyCheck });
  assert.deepEqual(wordsOf(decision), ["checked payments_checked", "canceled ended_by_run"]);
});

Deno.test("nothing is asked about an order whose row is locked in the shop", async () => {
  const stripe = fakeStripe({ pi_1: intent() });
  const { decision } = await examine(stripe, closed("unknown", { shopState: null }));
  assert.deepEqual([wordsOf(decision), stripe.calls], [["handed_back order_locked"], []]);
});

Deno.test("a dry run of a closed order cancels nothing and says what it would cancel", async () => {
  const stripe = fakeStripe({ pi_1: intent(), cs_1: session() });
  const payments = [payment(), payment({ stripeId: "cs_1" })];
  const { decision } = await examine(stripe, closed("paid", { payments }), { dryRun: true });
  assert.deepEqual(wordsOf(decision).slice(1), ["kept would_expire_session", "kept would_cancel"]);
  assert.deepEqual(stripe.writes(), []);
});

Deno.test("after a 401 in the middle of a closed order, the completed cancels are kept", async () => {
  const stripe = fakeStripe({ pi_1: intent(), pi_2: intent({ id: "pi_2" }) });
  stripe.answer("cancelIntent", "pi_2", refused(401));
  const { decision, stop } = await examine(stripe, closed("expired", { payments: two("open", "open") }));
  assert.deepEqual(wordsOf(decision), ["handed_back run_stopped", "canceled ended_by_run", "kept run_stopped"]);
  assert.deepEqual([stop, decision?.nextCheckAt], ["key_rejected", NOW]);
});
