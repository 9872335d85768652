import { at, HOUR, intent, order, payment, session } from "../rules/builders.ts";
import { type Fake, fakeStripe, lost, ok, refused } from "./fake-stripe.ts";
import { becomes, CANCEL, expectDecision, type Expected, EXPIRE, READ_SESSION, succeeded } from "./expect-decision.ts";

const checkoutOrder = () => order({ payments: [payment({ stripeId: "cs_1" })] });

/** 1.3: a Checkout Session, and one reply to its expire. */
const sessionRows: [string, (stripe: Fake) => void, Expected][] = [
  ["200, expired: dead", () => {}, {
    outcome: "expired",
    payment: "canceled ended_by_run",
    calls: [READ_SESSION, EXPIRE],
  }],
  [
    "200, expired, its intent not canceled yet: tried again later",
    (stripe) => stripe.answer("expireSession", "cs_1", ok(session({ status: "expired", payment_intent: intent() }))),
    { outcome: "retry", reason: "checkout_closing", calls: [READ_SESSION, EXPIRE, READ_SESSION] },
  ],
  [
    "refused, already expired: dead",
    (stripe) =>
      stripe.answer("expireSession", "cs_1", becomes(stripe, { id: "cs_1", status: "expired" }, refused(400))),
    { outcome: "expired", payment: "found_dead already_dead", calls: [READ_SESSION, EXPIRE, READ_SESSION] },
  ],
  [
    "refused, complete and paid: paid",
    (stripe) => {
      const paid = { id: "cs_1", status: "complete", payment_status: "paid", payment_intent: succeeded };
      stripe.answer("expireSession", "cs_1", becomes(stripe, paid, refused(400)));
    },
    { outcome: "paid", reason: "paid" },
  ],
  [
    "refused, complete and unpaid: waits",
    (stripe) =>
      stripe.answer("expireSession", "cs_1", becomes(stripe, { id: "cs_1", status: "complete" }, refused(400))),
    { outcome: "waiting", reason: "session_settling", next: at(HOUR) },
  ],
  [
    "refused, still open: tried again later",
    (stripe) => stripe.answer("expireSession", "cs_1", refused(400)),
    { outcome: "retry", reason: "end_refused" },
  ],
  [
    "no answer, and it was executed: another look proves it",
    (stripe) =>
      stripe.answer("expireSession", "cs_1", becomes(stripe, { id: "cs_1", status: "expired" }, lost("timeout"))),
    { outcome: "expired", payment: "canceled ended_reply_lost", calls: [READ_SESSION, EXPIRE, READ_SESSION] },
  ],
  [
    "lock_timeout: left alone for thirty seconds",
    (stripe) => stripe.answer("expireSession", "cs_1", refused(429, { errorCode: "lock_timeout" })),
    { outcome: "retry", reason: "object_busy", next: at(30_000) },
  ],
];

for (const [name, arrange, expected] of sessionRows) {
  Deno.test(`reply to an expire: ${name}`, async () => {
    const stripe = fakeStripe({ cs_1: session() });
    arrange(stripe);
    await expectDecision(stripe, { order: checkoutOrder(), expected });
  });
}

Deno.test("an expired session whose intent lives on has the intent canceled", async () => {
  const ofCheckout = intent({ metadata: {} });
  const stripe = fakeStripe({ pi_1: ofCheckout, cs_1: session({ status: "expired", payment_intent: "pi_1" }) });
  await expectDecision(stripe, {
    order: checkoutOrder(),
    expected: { outcome: "expired", payment: "canceled ended_by_run", calls: [READ_SESSION, CANCEL] },
  });
});

Deno.test("the intent of a session that a customer recorded belongs to the session, even without metadata", async () => {
  const ofCheckout = intent({ metadata: {} });
  const stripe = fakeStripe({ pi_1: ofCheckout, cs_1: session({ status: "expired", payment_intent: "pi_1" }) });
  await expectDecision(stripe, {
    order: order({ payments: [payment({ stripeId: "cs_1", source: "client" })] }),
    expected: { outcome: "expired", payment: "canceled ended_by_run", calls: [READ_SESSION, CANCEL] },
  });
});

Deno.test("a session without its expanded intent is not assessed", async () => {
  const stripe = fakeStripe({ cs_1: session() });
  stripe.answer("readSession", "cs_1", ok(session({ status: "expired", payment_intent: "pi_1" })));
  await expectDecision(stripe, { order: checkoutOrder(), expected: { outcome: "retry", reason: "bad_reply" } });
});
