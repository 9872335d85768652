import assert from "node:assert/strict";
import { examineOrders } from "../../../functions/_shared/stripe/examine-orders.ts";
import { judgeSession } from "../../../functions/_shared/stripe/verdict-session.ts";
import { at, context, NOW, order, payment, session } from "./builders.ts";
import { fakeStripe, refused } from "./fake-stripe.ts";

Deno.test("a key without access to the connected accounts stops the run as a wrong key does", async () => {
  const orders = Array.from(
    { length: 12 },
    (_, n) =>
      order({ id: `o${n}`, payments: [payment({ id: `p${n}`, stripeId: `pi_${n}`, stripeAccount: "acct_1" })] }),
  );
  const stripe = fakeStripe({});
  for (let n = 0; n < 12; n++) stripe.answer("readIntent", `pi_${n}`, refused(403, { errorCode: "account_invalid" }));
  const batch = await examineOrders(orders, {
    gateway: stripe.gateway,
    deadline: at(60_000),
    clock: () => NOW,
    sleep: () => Promise.resolve(),
    random: () => 0,
  });
  assert.deepEqual([batch.stop, batch.decisions, batch.untouched.length], ["too_many_not_found", [], 12]);
});

Deno.test("a session that required no payment brought no money, whatever its total says", () => {
  const free = session({
    status: "complete",
    payment_status: "no_payment_required",
    amount_total: 5000,
    payment_intent: null,
  });
  assert.deepEqual(judgeSession({ ...free, payment_intent: null }, context()), {
    kind: "paid",
    amountReceived: 0,
    currency: "eur",
  });
});
