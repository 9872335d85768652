import assert from "node:assert/strict";
import type { ClaimedOrder, OrderDecision } from "../../../functions/_shared/orders.ts";
import { examineOrder } from "../../../functions/_shared/stripe/examine-order.ts";
import { DEFAULT_POLICY } from "../../../functions/_shared/stripe/policy.ts";
import { actionIntent, at, HOUR, intent, MINUTE, NOW, order, payment, session } from "./builders.ts";
import { fakeStripe, lost, ok, refused } from "./fake-stripe.ts";

type Fake = ReturnType<typeof fakeStripe>;
type Expected = {
  outcome: OrderDecision["outcome"] | "untouched";
  reason?: string;
  /** Outcome and reason of the first payment. */
  payment?: string;
  next?: Date;
  /** The calls made, without the arguments of the keys. */
  calls?: string[];
  stop?: string;
};

const canceled = intent({ status: "canceled" });
const succeeded = intent({ status: "succeeded", amount_received: 5000 });
const processing = intent({ status: "processing" });
const READ = "readIntent pi_1";
const CANCEL = "cancelIntent pi_1 lapse:pi_1:3";
const SESSIONS = "sessionsOfIntent pi_1";
const EXPIRE = "expireSession cs_1 lapse:cs_1:3";
const READ_SESSION = "readSession cs_1";

const checkoutOrder = () => order({ payments: [payment({ stripeId: "cs_1" })] });
const secondLook = { payments: [payment({ graceUntil: at(-1) })] };
const refusal = (object: unknown = null) =>
  refused(400, { errorCode: "payment_intent_unexpected_state", object: object as never });

/** One PaymentIntent that looks unpaid, and one reply to its cancel. */
const intentRows: [string, (stripe: Fake) => void, Expected][] = [
  ["200, canceled, nothing received: expired", () => {}, {
    outcome: "expired",
    reason: "all_dead",
    payment: "canceled ended_by_run",
    calls: [READ, CANCEL],
  }],
  [
    "200, another status: looked at again, not dead",
    (stripe) => stripe.answer("cancelIntent", "pi_1", ok(intent())),
    { outcome: "retry", reason: "end_refused", payment: "kept end_refused", calls: [READ, CANCEL, READ] },
  ],
  [
    "200, processing: looked at again, waits",
    (stripe) => stripe.answer("cancelIntent", "pi_1", becomes(stripe, { status: "processing" }, ok(processing))),
    { outcome: "waiting", reason: "processing", next: at(HOUR), calls: [READ, CANCEL, READ] },
  ],
  [
    "200, canceled, but with part of the money: quarantined",
    (stripe) => {
      const odd = intent({ status: "canceled", amount_received: 1 });
      stripe.answer("cancelIntent", "pi_1", becomes(stripe, odd, ok(odd)));
    },
    { outcome: "quarantined", reason: "partly_received", calls: [READ, CANCEL, READ] },
  ],
  [
    "refused, the error says canceled: expired",
    (stripe) => stripe.answer("cancelIntent", "pi_1", refusal(canceled)),
    { outcome: "expired", payment: "found_dead already_dead", calls: [READ, CANCEL] },
  ],
  [
    "refused, a second look says canceled: expired",
    (stripe) => stripe.answer("cancelIntent", "pi_1", becomes(stripe, canceled, refusal())),
    { outcome: "expired", payment: "found_dead already_dead", calls: [READ, CANCEL, READ] },
  ],
  [
    "refused, the error says succeeded: paid",
    (stripe) => stripe.answer("cancelIntent", "pi_1", refusal(succeeded)),
    { outcome: "paid", reason: "paid", payment: "found_paid paid", calls: [READ, CANCEL] },
  ],
  [
    "refused, a second look says succeeded: paid",
    (stripe) => stripe.answer("cancelIntent", "pi_1", becomes(stripe, succeeded, refusal())),
    { outcome: "paid", reason: "paid", payment: "found_paid paid" },
  ],
  [
    "refused, processing: waits an hour",
    (stripe) => stripe.answer("cancelIntent", "pi_1", refusal(processing)),
    { outcome: "waiting", reason: "processing", next: at(HOUR), payment: "kept processing" },
  ],
  [
    "refused with a code of no list, processing: waits",
    (stripe) => {
      const unlisted = refused(400, { errorCode: "payment_intent_invalid_cancellation_state" });
      stripe.answer("cancelIntent", "pi_1", becomes(stripe, processing, unlisted));
    },
    { outcome: "waiting", reason: "processing" },
  ],
  [
    "refused, requires_capture: waits for the capture",
    (stripe) => stripe.answer("cancelIntent", "pi_1", refusal(intent({ status: "requires_capture" }))),
    { outcome: "waiting", reason: "requires_capture", next: at(6 * HOUR) },
  ],
  [
    "refused, the customer went into 3-D Secure meanwhile: gets the grace",
    (stripe) => stripe.answer("cancelIntent", "pi_1", refusal(actionIntent("use_stripe_sdk"))),
    { outcome: "waiting", reason: "customer_action", next: at(5 * MINUTE) },
  ],
  [
    "refused, still cancelable, no session: tried again later",
    (stripe) => stripe.answer("cancelIntent", "pi_1", refusal(intent())),
    { outcome: "retry", reason: "end_refused", calls: [READ, CANCEL, SESSIONS, READ] },
  ],
  [
    "refused, unknown status: quarantined",
    (stripe) => stripe.answer("cancelIntent", "pi_1", refusal(intent({ status: "requires_blessing" }))),
    { outcome: "quarantined", reason: "unknown_status" },
  ],
  [
    "400 about a parameter: quarantined",
    (stripe) => stripe.answer("cancelIntent", "pi_1", refused(400, { errorCode: "parameter_unknown" })),
    { outcome: "quarantined", reason: "refused_request", calls: [READ, CANCEL] },
  ],
  [
    "400 idempotency_error: quarantined",
    (stripe) => stripe.answer("cancelIntent", "pi_1", refused(400, { errorType: "idempotency_error" })),
    { outcome: "quarantined", reason: "idempotency_mismatch" },
  ],
  [
    "404: quarantined, never unpaid",
    (stripe) => stripe.answer("cancelIntent", "pi_1", refused(404, { errorCode: "resource_missing" })),
    { outcome: "quarantined", reason: "payment_not_found", calls: [READ, CANCEL] },
  ],
  [
    "401: the run stops, the order is left as it was",
    (stripe) => stripe.answer("cancelIntent", "pi_1", refused(401)),
    { outcome: "untouched", stop: "key_rejected" },
  ],
  [
    "403: the run stops, the order is left as it was",
    (stripe) => stripe.answer("cancelIntent", "pi_1", refused(403)),
    { outcome: "untouched", stop: "permission_denied" },
  ],
  [
    "402: tried again later",
    (stripe) => stripe.answer("cancelIntent", "pi_1", refused(402)),
    { outcome: "retry", reason: "card_error", calls: [READ, CANCEL, READ] },
  ],
  [
    "409: a second look decides, still cancelable is tried again later",
    (stripe) => stripe.answer("cancelIntent", "pi_1", refused(409, { errorCode: "idempotency_key_in_use" })),
    { outcome: "retry", reason: "call_in_progress", calls: [READ, CANCEL, READ] },
  ],
  [
    "429 with a rate reason: waits, and is no failure",
    (stripe) => stripe.answer("cancelIntent", "pi_1", refused(429, { rateLimitedReason: "endpoint-rate" })),
    { outcome: "waiting", reason: "throttled", next: at(MINUTE), calls: [READ, CANCEL] },
  ],
  [
    "429 lock_timeout: left alone for thirty seconds",
    (stripe) => stripe.answer("cancelIntent", "pi_1", refused(429, { errorCode: "lock_timeout" })),
    { outcome: "retry", reason: "object_busy", next: at(30_000), calls: [READ, CANCEL] },
  ],
  [
    "500, and it was executed: a second look proves it",
    (stripe) => stripe.answer("cancelIntent", "pi_1", becomes(stripe, canceled, refused(500))),
    { outcome: "expired", payment: "canceled ended_reply_lost", calls: [READ, CANCEL, READ] },
  ],
  ...(["bad_reply", "timeout", "connection_lost"] as const).map((kind): typeof intentRows[number] => [
    `${kind}: still cancelable is not dead, the call may yet be executed`,
    (stripe) => stripe.answer("cancelIntent", "pi_1", lost(kind)),
    { outcome: "retry", reason: kind, payment: `kept ${kind}`, calls: [READ, CANCEL, READ] },
  ]),
  [
    "cut body, and the customer had paid: paid",
    (stripe) => stripe.answer("cancelIntent", "pi_1", becomes(stripe, succeeded, lost("connection_lost"))),
    { outcome: "paid", reason: "paid" },
  ],
];

for (const [name, arrange, expected] of intentRows) {
  Deno.test(`reply to a cancel: ${name}`, async () => {
    const stripe = fakeStripe({ pi_1: intent() });
    arrange(stripe);
    await expectDecision(stripe, { order: order(), expected });
  });
}

/** An intent that Checkout made, recorded by its own id. */
const checkoutRefusal = refused(400, { ownedByCheckout: true });
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
    "no answer, and it was executed: a second look proves it",
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

Deno.test("a session that came without its intent expanded is not judged", async () => {
  const stripe = fakeStripe({ cs_1: session() });
  stripe.answer("readSession", "cs_1", ok(session({ status: "expired", payment_intent: "pi_1" })));
  await expectDecision(stripe, { order: checkoutOrder(), expected: { outcome: "retry", reason: "bad_reply" } });
});

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

Deno.test("a dry run of a paid order writes nothing either", async () => {
  const stripe = fakeStripe({ pi_1: succeeded, pi_2: other() });
  const { decision } = await examine(stripe, two(), { dryRun: true });
  assert.deepEqual(decision?.payments.map(({ reason }) => reason), ["paid", "would_cancel"]);
  assert.deepEqual([decision?.outcome, stripe.writes()], ["paid", []]);
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

/** The world moves on while the call is under way. */
function becomes<T>(stripe: Fake, change: object, reply: T): () => T {
  return () => {
    stripe.set("id" in change ? String(change.id) : "pi_1", change);
    return reply;
  };
}

function examine(stripe: Fake, claimed: ClaimedOrder, { dryRun = false } = {}) {
  return examineOrder(claimed, { gateway: stripe.gateway, policy: DEFAULT_POLICY, clock: () => NOW, dryRun });
}

async function expectDecision(
  stripe: Fake,
  { order: claimed, expected }: { order: ClaimedOrder; expected: Expected },
): Promise<void> {
  const { decision, stop } = await examine(stripe, claimed);
  assert.equal(decision?.outcome ?? "untouched", expected.outcome);
  assert.equal(stop, expected.stop ?? null);
  if (expected.calls) assert.deepEqual(stripe.calls, expected.calls);
  if (!decision) return;
  assert.equal(decision.attempt, claimed.attempt);
  if (expected.reason) assert.equal(decision.reason, expected.reason);
  assert.deepEqual(
    decision.nextCheckAt,
    expected.next ?? (expected.outcome === "waiting" ? decision.nextCheckAt : null),
  );
  assert.doesNotMatch(JSON.stringify(decision), /"would_/);
  const first = decision.payments[0];
  if (expected.payment) assert.equal(`${first?.outcome} ${first?.reason}`, expected.payment);
  if (decision.outcome === "expired") assert.ok(decision.payments.every(({ state }) => state === "dead"));
}
