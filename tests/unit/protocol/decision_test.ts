import assert from "node:assert/strict";
import { actionIntent, at, intent, MINUTE, NOW, order, payment, session } from "../rules/builders.ts";
import { fakeStripe, lost } from "./fake-stripe.ts";
import { examine, succeeded, wordsOf } from "./expect-decision.ts";

Deno.test("a dry run writes nothing and says what it would do", async () => {
  const stripe = fakeStripe({ pi_1: intent(), cs_1: session() });
  const claimed = order({ payments: [payment(), payment({ stripeId: "cs_1" })] });
  const { decision } = await examine(stripe, claimed, { dryRun: true });
  assert.deepEqual([decision?.outcome, decision?.reason], ["expired", "would_expire"]);
  assert.deepEqual(
    decision?.payments.map(({ stripeId, state, outcome, reason }) => [stripeId, state, outcome, reason]),
    [["cs_1", "open", "kept", "would_expire_session"], ["pi_1", "open", "kept", "would_cancel"]],
  );
  assert.deepEqual(stripe.writes(), []);
});

Deno.test("a payment recorded paid that cannot be read stays recorded paid", async () => {
  const stripe = fakeStripe({ pi_1: succeeded });
  stripe.answer("readIntent", "pi_1", lost("timeout"));
  const { decision } = await examine(stripe, order({ payments: [payment({ state: "paid" })] }));
  assert.deepEqual([decision?.outcome, decision?.payments[0]?.state], ["retry", "paid"]);
});

Deno.test("a customer in 3-D Secure is granted one grace for the order, whatever is attached", async () => {
  const stripe = fakeStripe({
    pi_1: actionIntent("use_stripe_sdk"),
    pi_2: actionIntent("redirect_to_url", {}, { id: "pi_2" }),
  });
  const payments = [payment(), payment({ stripeId: "pi_2" })];
  let now = NOW;
  const clock = { now: () => now = new Date(now.getTime() + 1_000) };
  const { decision } = await examine(stripe, order({ payments }), { clock });
  assert.deepEqual([decision?.outcome, decision?.reason, decision?.nextCheckAt], [
    "waiting",
    "customer_action",
    decision?.graceUntil,
  ]);
  assert.deepEqual(decision?.graceUntil, at(5 * MINUTE + 1_000));
});

Deno.test("a grace that was granted before is not extended, and is not in the decision", async () => {
  const stripe = fakeStripe({ pi_1: actionIntent("use_stripe_sdk") });
  const { decision } = await examine(stripe, order({ graceUntil: at(MINUTE) }));
  assert.deepEqual([decision?.nextCheckAt, decision?.graceUntil], [at(MINUTE), undefined]);
  const over = await examine(stripe, order({ graceUntil: at(-1) }));
  assert.equal(over.decision?.outcome, "expired");
});

Deno.test("the evidence of an intent that was read beside its own session names the session", async () => {
  const stripe = fakeStripe({
    pi_1: succeeded,
    cs_1: session({ status: "complete", payment_status: "paid", payment_intent: "pi_1" }),
  });
  const claimed = order({ payments: [payment(), payment({ stripeId: "cs_1" })] });
  const { decision } = await examine(stripe, claimed);
  assert.deepEqual(wordsOf(decision), ["paid paid", "found_paid paid", "found_paid paid"]);
  assert.deepEqual(decision?.payments.map(({ evidence: { intent, session } }) => [intent, session]), [
    ["pi_1", undefined],
    [undefined, "cs_1"],
  ]);
});

Deno.test("a decision contains Stripe's answer as evidence, without secrets", async () => {
  const stripe = fakeStripe({ pi_1: intent() });
  const { decision } = await examine(stripe, order());
  assert.deepEqual(decision?.payments[0]?.evidence, {
    object: "payment_intent",
    status: "canceled",
    amount: 5000,
    amount_received: 0,
    currency: "eur",
    cancellation_reason: "abandoned",
    request_id: "req_1",
  });
  assert.doesNotMatch(JSON.stringify(decision), /secret/);
});
