import assert from "node:assert/strict";
import type { ClaimedOrder } from "../../../../functions/_shared/orders.ts";
import { intent, NOW, order, payment } from "../builders.ts";
import { fakeStripe, lost, refused } from "../fake-stripe.ts";
import {
  CANCEL,
  canceled,
  examine,
  expectDecision,
  type Expected,
  type Fake,
  processing,
  READ,
  refusal,
  succeeded,
} from "./expect-decision.ts";

/** Several payments of one order. */
const two = (changes: Partial<ClaimedOrder["payments"][number]> = {}) =>
  order({ payments: [payment({ stripeId: "pi_2", ...changes }), payment()] });
const other = (overrides = {}) => intent({ id: "pi_2", ...overrides });

const orderRows: [
  string,
  Record<string, ReturnType<typeof intent>>,
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
    "both are ended, each once",
    { pi_1: intent(), pi_2: other() },
    two(),
    { outcome: "expired", calls: [READ, "readIntent pi_2", CANCEL, "cancelIntent pi_2 lapse:pi_2:3"] },
  ],
  [
    "one paid: the other is canceled",
    { pi_1: intent(), pi_2: other({ status: "succeeded", amount_received: 5000 }) },
    two(),
    { outcome: "paid", reason: "paid", payment: "canceled ended_by_run" },
  ],
  [
    "one paid, the other refuses to end: paid, the other stays open",
    { pi_1: intent(), pi_2: other({ status: "succeeded", amount_received: 5000 }) },
    two(),
    { outcome: "paid", reason: "paid", payment: "kept server_error" },
    (stripe) => stripe.answer("cancelIntent", "pi_1", refused(500)),
  ],
  [
    "one paid, the other turns out paid while being canceled: paid twice",
    { pi_1: intent(), pi_2: other({ status: "succeeded", amount_received: 5000 }) },
    two(),
    { outcome: "paid", reason: "paid_twice" },
    (stripe) => stripe.answer("cancelIntent", "pi_1", refusal(succeeded)),
  ],
  [
    "the first turns out paid while being canceled: paid, the second is canceled",
    { pi_1: intent(), pi_2: other() },
    two(),
    { outcome: "paid", reason: "paid", calls: [READ, "readIntent pi_2", CANCEL, "cancelIntent pi_2 lapse:pi_2:3"] },
    (stripe) => stripe.answer("cancelIntent", "pi_1", refusal(succeeded)),
  ],
  [
    "the first turns out processing while being canceled: the second is kept for the customer",
    { pi_1: intent(), pi_2: other() },
    two(),
    { outcome: "waiting", reason: "processing", calls: [READ, "readIntent pi_2", CANCEL] },
    (stripe) => stripe.answer("cancelIntent", "pi_1", refusal(processing)),
  ],
  [
    "one waits: the other is kept for the customer",
    { pi_1: intent(), pi_2: other({ status: "processing" }) },
    two(),
    { outcome: "waiting", reason: "processing", payment: "kept sibling_waits", calls: [READ, "readIntent pi_2"] },
  ],
  [
    "one cannot be read: the other is kept",
    { pi_1: intent(), pi_2: other() },
    two(),
    { outcome: "retry", reason: "timeout", calls: [READ, "readIntent pi_2"] },
    (stripe) => stripe.answer("readIntent", "pi_2", lost("timeout")),
  ],
  [
    "one belongs to another order: nothing is ended",
    { pi_1: intent(), pi_2: other({ metadata: { order_id: "o2" } }) },
    two(),
    { outcome: "quarantined", reason: "foreign_payment", calls: [READ, "readIntent pi_2"] },
  ],
  [
    "one paid below the amount: nothing is ended",
    { pi_1: intent(), pi_2: other({ status: "succeeded", amount_received: 4999 }) },
    two(),
    { outcome: "quarantined", reason: "amount_mismatch", calls: [READ, "readIntent pi_2"] },
  ],
  [
    "401 after one payment was ended: that is remembered, the order goes on in the next run",
    { pi_1: intent(), pi_2: other() },
    two(),
    { outcome: "waiting", reason: "run_stopped", next: NOW, payment: "canceled ended_by_run", stop: "key_rejected" },
    (stripe) => stripe.answer("cancelIntent", "pi_2", refused(401)),
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
    { outcome: "untouched", stop: "key_rejected", calls: [READ, "readIntent pi_2"] },
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
