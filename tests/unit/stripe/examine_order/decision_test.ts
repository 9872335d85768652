import assert from "node:assert/strict";
import { actionIntent, at, intent, MINUTE, order, payment, session } from "../builders.ts";
import { fakeStripe, lost } from "../fake-stripe.ts";
import { examine, succeeded } from "./expect-decision.ts";

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

Deno.test("the grace is granted in the payment's decision", async () => {
  const stripe = fakeStripe({ pi_1: actionIntent("use_stripe_sdk") });
  const { decision } = await examine(stripe, order());
  assert.deepEqual(decision?.payments[0]?.graceUntil, at(5 * MINUTE));
});

Deno.test("a decision carries Stripe's words as evidence, and no secret", async () => {
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
