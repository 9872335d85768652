import assert from "node:assert/strict";
import type { ClaimedOrder } from "../../../functions/_shared/rules/orders.ts";
import { intent, NOW, order, payment, session } from "../rules/builders.ts";
import { type Fake, fakeStripe, lost, ok, refused, unsent } from "./fake-stripe.ts";
import {
  becomes,
  CANCEL,
  cancel,
  canceled,
  examine,
  expectDecision,
  type Expected,
  processing,
  READ,
  read,
  refusal,
  succeeded,
} from "./expect-decision.ts";

/** Several payments of one order. */
const two = (changes: Partial<ClaimedOrder["payments"][number]> = {}) =>
  order({ payments: [payment({ stripeId: "pi_2", ...changes }), payment()] });
const other = (overrides = {}) => intent({ id: "pi_2", ...overrides });
const ids = (count: number) => Array.from({ length: count }, (_, n) => `pi_${n + 1}`);
const payments = (count: number) => ids(count).map((stripeId) => payment({ stripeId }));
const intents = (count: number) => Object.fromEntries(ids(count).map((id) => [id, intent({ id })]));

const orderRows: [
  string,
  Parameters<typeof fakeStripe>[0],
  ClaimedOrder,
  Expected,
  ((stripe: Fake) => void)?,
][] = [
  ["without payments nothing is asked", {}, order({ payments: [] }), {
    outcome: "expired",
    reason: "no_payment",
    calls: [],
  }],
  [
    "with payments known dead nothing is asked",
    {},
    order({ payments: [payment({ state: "dead" })] }),
    { outcome: "expired", reason: "all_dead", calls: [] },
  ],
  [
    "a payment recorded paid is read for evidence",
    { pi_1: succeeded },
    order({ payments: [payment({ state: "paid" })] }),
    { outcome: "paid", reason: "paid", calls: [READ] },
  ],
  [
    "a payment recorded paid that Stripe calls canceled is quarantined",
    { pi_1: canceled },
    order({ payments: [payment({ state: "paid" })] }),
    { outcome: "quarantined", reason: "paid_record_contradicted" },
  ],
  [
    "a payment recorded paid that Stripe calls unpaid is not canceled",
    { pi_1: intent() },
    order({ payments: [payment({ state: "paid" })] }),
    { outcome: "quarantined", reason: "paid_record_contradicted", calls: [READ] },
  ],
  [
    "both are cancelled, each right after it was inspected, the one inspected last first",
    { pi_1: intent(), pi_2: other() },
    two(),
    { outcome: "expired", calls: [read("pi_2"), READ, CANCEL, read("pi_2"), cancel("pi_2")] },
  ],
  [
    "one paid: the other is cancelled, after another look",
    { pi_1: succeeded, pi_2: other() },
    two(),
    { outcome: "paid", reason: "paid", calls: [read("pi_2"), READ, read("pi_2"), cancel("pi_2")] },
  ],
  [
    "a session is cancelled before an intent: if nobody can close it, the intent is still there",
    { cs_1: session({ status: "complete", payment_intent: "pi_3" }), pi_1: intent(), pi_3: intent({ id: "pi_3" }) },
    order({ payments: [payment(), payment({ stripeId: "cs_1" })], graceUntil: NOW }),
    {
      outcome: "quarantined",
      reason: "checkout_unclosable",
      calls: [READ, read("cs_1"), cancel("pi_3"), "sessionsOfIntent pi_3", read("cs_1")],
    },
    (stripe) => stripe.answer("cancelIntent", "pi_3", refused(400, { byCheckout: true })),
  ],
  [
    "one paid, the other cannot be cancelled: paid, the other stays open",
    { pi_1: intent(), pi_2: other({ status: "succeeded", amount_received: 5000 }) },
    two(),
    { outcome: "paid", reason: "paid", payment: "kept server_error" },
    (stripe) => stripe.answer("cancelIntent", "pi_1", refused(500), refused(500)),
  ],
  [
    "one paid, the other turns out paid while being cancelled: paid twice",
    { pi_1: intent(), pi_2: other({ status: "succeeded", amount_received: 5000 }) },
    two(),
    { outcome: "paid", reason: "paid_twice" },
    (stripe) => stripe.answer("cancelIntent", "pi_1", becomes(stripe, succeeded, refusal(succeeded))),
  ],
  [
    "one turns out paid while being cancelled: paid, the other is cancelled",
    { pi_1: intent(), pi_2: other() },
    two(),
    { outcome: "paid", reason: "paid", calls: [read("pi_2"), READ, CANCEL, READ, read("pi_2"), cancel("pi_2")] },
    (stripe) => stripe.answer("cancelIntent", "pi_1", becomes(stripe, succeeded, refusal(succeeded))),
  ],
  [
    "one turns out processing while being cancelled: the other is kept for the customer",
    { pi_1: intent(), pi_2: other() },
    two(),
    { outcome: "waiting", reason: "processing", calls: [read("pi_2"), READ, CANCEL] },
    (stripe) => stripe.answer("cancelIntent", "pi_1", refusal(processing)),
  ],
  [
    "one is authorised while the other is being cancelled: it keeps its authorisation",
    { pi_1: intent(), pi_2: other() },
    two(),
    { outcome: "waiting", reason: "requires_capture", calls: [read("pi_2"), READ, CANCEL, read("pi_2")] },
    (stripe) => {
      const authorised = { id: "pi_2", status: "requires_capture" };
      stripe.answer("cancelIntent", "pi_1", becomes(stripe, authorised, ok(canceled)));
    },
  ],
  [
    "one waits: the other is kept for the customer",
    { pi_1: intent(), pi_2: other({ status: "processing" }) },
    two(),
    { outcome: "waiting", reason: "processing", payment: "kept sibling_waits", calls: [read("pi_2"), READ] },
  ],
  [
    "one cannot be read: the other is kept",
    { pi_1: intent(), pi_2: other() },
    two(),
    { outcome: "retry", reason: "timeout", calls: [read("pi_2"), READ] },
    (stripe) => stripe.answer("readIntent", "pi_2", lost("timeout")),
  ],
  [
    "one belongs to another order: nothing is cancelled",
    { pi_1: intent(), pi_2: other({ metadata: { order_id: "o2" } }) },
    two(),
    { outcome: "quarantined", reason: "foreign_payment", calls: [read("pi_2"), READ] },
  ],
  [
    "one paid below the amount: nothing is cancelled",
    { pi_1: intent(), pi_2: other({ status: "succeeded", amount_received: 4999 }) },
    two(),
    { outcome: "quarantined", reason: "amount_mismatch", calls: [read("pi_2"), READ] },
  ],
  [
    "401 after one payment was cancelled: that is remembered, the order goes on in the next run",
    { pi_1: intent(), pi_2: other() },
    two(),
    {
      outcome: "handed_back",
      reason: "run_stopped",
      next: NOW,
      payment: "canceled ended_by_run",
      stop: "key_rejected",
    },
    (stripe) => stripe.answer("cancelIntent", "pi_2", refused(401)),
  ],
  [
    "401 after one payment was found dead: that is remembered",
    { pi_1: intent(), pi_2: other({ status: "canceled" }) },
    two(),
    { outcome: "handed_back", reason: "run_stopped", payment: "kept run_stopped", stop: "key_rejected" },
    (stripe) => stripe.answer("readIntent", "pi_1", refused(401)),
  ],
  [
    "no time for the second after the first was found dead: that is remembered",
    { pi_1: canceled, pi_2: other() },
    two(),
    { outcome: "handed_back", reason: "out_of_time", next: NOW, payment: "found_dead already_dead" },
    (stripe) => stripe.answer("readIntent", "pi_2", unsent("out_of_time")),
  ],
  [
    "no time before anything was learned: untouched",
    { pi_1: intent(), pi_2: other() },
    two(),
    { outcome: "untouched", calls: [read("pi_2"), READ] },
    (stripe) => stripe.answer("readIntent", "pi_2", unsent("out_of_time")),
  ],
  [
    "no time after ten answers of which nothing can be kept: a failed attempt, as the next run would not have time either",
    intents(11),
    order({ payments: payments(11) }),
    { outcome: "retry", reason: "out_of_time" },
    (stripe) => stripe.answer("readIntent", "pi_1", unsent("out_of_time")),
  ],
  [
    "no time after nine such answers: untouched, as the run may have begun late",
    intents(10),
    order({ payments: payments(10) }),
    { outcome: "untouched" },
    (stripe) => stripe.answer("readIntent", "pi_1", unsent("out_of_time")),
  ],
  [
    "no time after many answers, one of which says that a payment is dead: that is remembered, and is no failure",
    { ...intents(12), pi_12: intent({ id: "pi_12", status: "canceled" }) },
    order({ payments: payments(12) }),
    { outcome: "handed_back", reason: "out_of_time", next: NOW },
    (stripe) => stripe.answer("readIntent", "pi_1", unsent("out_of_time")),
  ],
  [
    "no time for a cancel: untouched",
    { pi_1: intent() },
    order(),
    { outcome: "untouched", calls: [READ, CANCEL] },
    (stripe) => stripe.answer("cancelIntent", "pi_1", unsent("out_of_time")),
  ],
  [
    "a cancel that would have had to wait is not sent, and the payment is inspected again before the next",
    { pi_1: intent() },
    order(),
    { outcome: "expired", calls: [READ, CANCEL, READ, CANCEL, READ, CANCEL] },
    (stripe) => stripe.answer("cancelIntent", "pi_1", unsent("crowded"), unsent("crowded")),
  ],
  [
    "401 beside a paid payment: paid, and the run stops",
    { pi_1: intent(), pi_2: other({ status: "succeeded", amount_received: 5000 }), pi_3: intent({ id: "pi_3" }) },
    order({ payments: ["pi_1", "pi_2", "pi_3"].map((stripeId) => payment({ stripeId })) }),
    { outcome: "paid", reason: "paid", payment: "kept run_stopped", stop: "key_rejected" },
    (stripe) => stripe.answer("cancelIntent", "pi_1", refused(401)),
  ],
  [
    "401 while reading: untouched",
    { pi_1: intent(), pi_2: other() },
    two(),
    { outcome: "untouched", stop: "key_rejected", calls: [read("pi_2")] },
    (stripe) => stripe.answer("readIntent", "pi_2", refused(401)),
  ],
];

for (const [name, objects, claimed, expected, arrange] of orderRows) {
  Deno.test(`one order: ${name}`, async () => {
    const stripe = fakeStripe(objects);
    arrange?.(stripe);
    await expectDecision(stripe, { order: claimed, expected });
  });
}

Deno.test("a dry run of a paid order writes nothing either", async () => {
  const stripe = fakeStripe({ pi_1: succeeded, pi_2: other() });
  const { decision } = await examine(stripe, two(), { dryRun: true });
  assert.deepEqual(decision?.payments.map(({ reason }) => reason), ["paid", "would_cancel"]);
  assert.deepEqual([decision?.outcome, stripe.writes()], ["paid", []]);
});
