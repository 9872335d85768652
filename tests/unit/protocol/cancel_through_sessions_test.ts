import type { ClaimedOrder } from "../../../functions/_shared/rules/orders.ts";
import { at, HOUR, intent, order, session } from "../rules/builders.ts";
import { type Fake, fakeStripe, lost, refused } from "./fake-stripe.ts";
import {
  becomes,
  CANCEL,
  canceled,
  expectDecision,
  type Expected,
  EXPIRE,
  processing,
  READ,
  refusal,
  SESSIONS,
  succeeded,
} from "./expect-decision.ts";

const secondLook = { graceUntil: at(-1) };

/** An intent that Checkout made, recorded by its own id. */
const checkoutRefusal = refused(400, { byCheckout: true });
const checkoutRows: [string, (stripe: Fake) => void, Expected, Partial<ClaimedOrder>?][] = [
  ["its open session is expired, and the intent with it", () => {}, {
    outcome: "expired",
    payment: "canceled ended_by_run",
    calls: [READ, CANCEL, SESSIONS, EXPIRE, READ],
  }],
  [
    "a refusal that does not name Checkout finds the session, too",
    (stripe) => stripe.answer("cancelIntent", "pi_1", refusal()),
    { outcome: "expired", calls: [READ, CANCEL, READ, SESSIONS, EXPIRE, READ] },
  ],
  [
    "its session is complete and paid: paid",
    (stripe) => {
      stripe.set("cs_1", { status: "complete", payment_status: "paid" });
      stripe.answer("cancelIntent", "pi_1", becomes(stripe, succeeded, checkoutRefusal));
    },
    { outcome: "paid", reason: "paid", calls: [READ, CANCEL, SESSIONS] },
  ],
  [
    "its session is complete and unpaid, the bank is at work: waits",
    (stripe) => {
      stripe.set("cs_1", { status: "complete" });
      stripe.answer("cancelIntent", "pi_1", becomes(stripe, processing, checkoutRefusal));
    },
    { outcome: "waiting", reason: "processing", next: at(HOUR) },
  ],
  [
    "its session is complete and unpaid, the payment failed: quarantined after one grace, nobody can end it",
    (stripe) => stripe.set("cs_1", { status: "complete" }),
    { outcome: "quarantined", reason: "checkout_unclosable", calls: [READ, CANCEL, SESSIONS, READ] },
    secondLook,
  ],
  [
    "its session is complete, the intent canceled meanwhile: expired",
    (stripe) => {
      stripe.set("cs_1", { status: "complete" });
      stripe.answer("cancelIntent", "pi_1", becomes(stripe, canceled, checkoutRefusal));
    },
    { outcome: "expired", payment: "found_dead already_dead", calls: [READ, CANCEL, SESSIONS, READ] },
  ],
  [
    "its session is expired, the intent not canceled yet: tried again later",
    (stripe) => stripe.set("cs_1", { status: "expired" }),
    { outcome: "retry", reason: "checkout_closing", calls: [READ, CANCEL, SESSIONS, READ] },
  ],
  [
    "the session is still open after an expire that brought no answer: tried again later",
    (stripe) => stripe.answer("expireSession", "cs_1", lost("timeout")),
    { outcome: "retry", reason: "checkout_closing", calls: [READ, CANCEL, SESSIONS, EXPIRE, READ] },
  ],
  [
    "the session belongs to another order: quarantined, nothing expired",
    (stripe) => stripe.set("cs_1", { metadata: { order_id: "o2" } }),
    { outcome: "quarantined", reason: "foreign_payment", calls: [READ, CANCEL, SESSIONS] },
  ],
  [
    "the session need not repeat the order_id",
    (stripe) => stripe.set("cs_1", { metadata: {} }),
    { outcome: "expired" },
  ],
  [
    "its key may not expire the session: the run stops, and nothing more is asked",
    (stripe) => stripe.answer("expireSession", "cs_1", refused(403)),
    { outcome: "untouched", stop: "permission_denied", calls: [READ, CANCEL, SESSIONS, EXPIRE] },
  ],
  [
    "the sessions cannot be read: tried again later",
    (stripe) => stripe.answer("sessionsOfIntent", "pi_1", lost("timeout")),
    { outcome: "retry", reason: "timeout", calls: [READ, CANCEL, SESSIONS] },
  ],
];

for (const [name, arrange, expected, overrides] of checkoutRows) {
  Deno.test(`a cancel that Checkout refuses: ${name}`, async () => {
    const stripe = fakeStripe({ pi_1: intent(), cs_1: session({ payment_intent: "pi_1" }) });
    arrange(stripe);
    stripe.answer("cancelIntent", "pi_1", checkoutRefusal);
    await expectDecision(stripe, { order: order(overrides), expected });
  });
}
