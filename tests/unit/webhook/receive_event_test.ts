import assert from "node:assert/strict";
import { DatabaseError } from "../../../functions/_shared/errors.ts";
import type { EventPaymentRecord, FoundPayment, RecordedEvent } from "../../../functions/_shared/database/events.ts";
import type { StripeEvent } from "../../../functions/_shared/rules/events.ts";
import type { ClaimedOrder } from "../../../functions/_shared/rules/orders.ts";
import { createLog } from "../../../functions/_shared/run/log.ts";
import type { StripeGateway } from "../../../functions/_shared/stripe/gateway.ts";
import type { StripeIntent, StripeSession } from "../../../functions/_shared/stripe/objects.ts";
import { receiveEvent } from "../../../functions/lapse-webhook/webhook.ts";
import { type Fake, fakeStripe, lost, refused, throttled } from "../protocol/fake-stripe.ts";
import { actionIntent, at, DAY, intent, NOW, order, payment, seconds, session } from "../rules/builders.ts";

const settings = {
  metadataKey: "order_id",
  customerActionGraceSeconds: 300,
  processingRecheckSeconds: 3_600,
  captureRecheckSeconds: 21_600,
  voucherSettleGraceSeconds: 259_200,
  slowMethodWindowSeconds: 604_800,
  cleanupScope: "all",
  disputedPayments: "quarantine",
} as const;

function event(type: string, id = "pi_1", change: Partial<StripeEvent> = {}): StripeEvent {
  const marks = { metadata: { order_id: "o1" }, client_reference_id: null };
  return {
    id: "evt_1",
    type,
    livemode: false,
    account: "",
    payment: { id, through: null, createdAt: NOW, marks },
    ...change,
  };
}

type Setup = {
  objects?: Record<string, StripeIntent | StripeSession>;
  /** What the database answers when it is asked about the payment, one after the other. */
  found?: Partial<FoundPayment>[];
  order?: ClaimedOrder | null;
  recorded?: Partial<RecordedEvent>;
  prepare?: (stripe: Fake) => void;
};

/** Handles an event with a Stripe and a database made of answers; returns what was asked, recorded and answered. */
async function receive(received: StripeEvent, setup: Setup = {}) {
  const { objects = {}, found = [{}], recorded = {}, prepare } = setup;
  const stripe = fakeStripe(objects);
  prepare?.(stripe);
  const records: (EventPaymentRecord & { event: string | null })[] = [];
  const asked: unknown[] = [];
  const slept: number[] = [];
  const answers = [...found];
  const answer = await receiveEvent(received, {
    livemode: false,
    log: createLog({}, () => {}),
    clockFrom: (now) => ({ now: () => now, monotonic: () => 0, sleep: (ms) => (slept.push(ms), Promise.resolve()) }),
    openStripe: () => Promise.resolve({ ...stripe.gateway, setRate() {}, close() {} } as unknown as StripeGateway),
    database: {
      findPayment(_event, { id: stripeId, marks }, hasTurn = false) {
        asked.push({ marks, hasTurn });
        const known = setup.order === undefined ? order() : setup.order;
        const read = {
          answer: "read",
          now: NOW,
          waitSeconds: 0,
          stripeId,
          order: known,
          settings,
          paymentsPerSecond: 4,
        };
        return Promise.resolve({ ...read, ...answers.shift() } as FoundPayment);
      },
      recordEvent({ id }, record) {
        records.push({ ...record, event: id });
        return Promise.resolve({ result: "recorded", waitSeconds: 0, order: null, ...(id === null ? {} : recorded) });
      },
    },
  });
  return { answer, records, asked, slept, calls: stripe.calls, stripe };
}

Deno.test("Stripe must deliver an event again whose answer was outdated when it arrived in the database", async () => {
  const { answer } = await receive(event("payment_intent.succeeded"), {
    objects: { pi_1: intent({ status: "succeeded", amount_received: 5000 }) },
    recorded: { result: "outdated" },
  });
  assert.deepEqual(answer, { redeliver: true, code: "outdated" });
});

Deno.test("money is recorded with its amount, under the order it pays", async () => {
  const { answer, records, calls } = await receive(event("payment_intent.succeeded"), {
    objects: { pi_1: intent({ status: "succeeded", amount_received: 5000 }) },
    recorded: { result: "paid" },
  });
  assert.deepEqual(answer, { redeliver: false, code: "paid" });
  assert.deepEqual(calls, ["readIntent pi_1"]);
  const [{ evidence, ...record }] = records as [typeof records[0]];
  assert.deepEqual(record, {
    event: "evt_1",
    ref: "o1",
    stripeId: "pi_1",
    account: "",
    state: "paid",
    reason: "paid",
    holdUntil: null,
    askedAt: NOW,
  });
  assert.equal(evidence.amount_received, 5000);
});

Deno.test("the event's contents are ignored: the payment is recorded as Stripe shows it now", async () => {
  const cases: [string, StripeIntent, string, string | null][] = [
    ["payment_intent.succeeded", intent(), "open", null],
    ["payment_intent.canceled", intent({ status: "succeeded", amount_received: 5000 }), "paid", "paid"],
    ["payment_intent.processing", intent({ status: "canceled" }), "dead", "already_dead"],
    ["payment_intent.succeeded", intent({ status: "processing" }), "open", "processing"],
    ["payment_intent.amount_capturable_updated", intent({ status: "requires_capture" }), "open", "requires_capture"],
    ["payment_intent.requires_action", actionIntent("use_stripe_sdk"), "open", null],
    ["payment_intent.partially_funded", intent({ amount_received: 10 }), "open", "partly_received"],
  ];
  for (const [type, object, state, reason] of cases) {
    const { records } = await receive(event(type), { objects: { pi_1: object } });
    assert.deepEqual(records.map((it) => [it.state, it.reason]), [[state, reason]], `${type} of ${object.status}`);
  }
});

Deno.test("a voucher that was issued holds the order until its own expiry, a late event about an old one does not", async () => {
  const holds = async (expiry: Date) => {
    const issued = actionIntent("oxxo_display_details", { expires_after: seconds(expiry) });
    const { records } = await receive(event("payment_intent.requires_action"), { objects: { pi_1: issued } });
    return records[0]!.holdUntil;
  };
  assert.deepEqual(await holds(at(3 * DAY)), at(3 * DAY));
  assert.equal(await holds(at(-DAY)), null);
  const complete = session({
    status: "complete",
    payment_intent: actionIntent("konbini_display_details", { expires_at: seconds(at(DAY)) }),
  });
  const { records } = await receive(event("checkout.session.completed", "cs_1"), {
    objects: { cs_1: complete },
    order: order({ payments: [payment({ stripeId: "cs_1" })] }),
  });
  assert.deepEqual(records[0]!.holdUntil, at(DAY));
});

Deno.test("money in another currency settles nothing and is reported at the deadline", async () => {
  const { records } = await receive(event("payment_intent.succeeded"), {
    objects: { pi_1: intent({ status: "succeeded", amount_received: 5000, currency: "usd" }) },
  });
  assert.deepEqual(records.map(({ state, reason }) => [state, reason]), [["open", "amount_mismatch"]]);
});

Deno.test("an event about something else makes no call", async () => {
  const others = [
    event("payment_intent.payment_failed"),
    event("payment_intent.created"),
    event("charge.refunded", "pi_1", { payment: null }),
    event("payment_intent.succeeded", "pi_1", { livemode: true }),
  ];
  for (const other of others) {
    const { answer, asked, calls } = await receive(other);
    assert.deepEqual([answer.redeliver, asked, calls], [false, [], []], other.type);
  }
});

Deno.test("a payment that is known, foreign or over the pace is not read; an event of an unknown order is redelivered", async () => {
  for (const name of ["repeated", "nothing", "postponed", "locked", "unknown"] as const) {
    const { answer, calls, records } = await receive(event("payment_intent.succeeded"), { found: [{ answer: name }] });
    assert.deepEqual([answer.redeliver, calls, records], [name === "locked" || name === "unknown", [], []], name);
  }
});

Deno.test("a payment waits for its turn", async () => {
  const objects = { pi_1: intent({ status: "processing" }) };
  const { slept } = await receive(event("payment_intent.processing"), { objects, found: [{ waitSeconds: 1.5 }] });
  assert.deepEqual(slept, [1_500]);
});

Deno.test("a thin event of a payment nobody attached is read once, and belongs to the order it names", async () => {
  const thin = event("payment_intent.succeeded");
  thin.payment!.marks = null;
  const { asked, calls, records } = await receive(thin, {
    objects: { pi_1: intent({ status: "succeeded", amount_received: 5000 }) },
    found: [{ order: null }, { order: order({ payments: [] }) }],
  });
  assert.deepEqual(asked, [{ marks: null, hasTurn: false }, {
    marks: { metadata: { order_id: "o1" }, client_reference_id: null },
    hasTurn: true,
  }]);
  assert.deepEqual(calls, ["readIntent pi_1"]);
  assert.equal(records[0]?.state, "paid");
});

Deno.test("a payment that names the order in the event and not at Stripe is not recorded", async () => {
  for (const metadata of [{}, { order_id: "o2" }]) {
    const { answer, records } = await receive(event("payment_intent.succeeded"), {
      objects: { pi_1: intent({ status: "succeeded", amount_received: 5000, metadata }) },
      order: order({ payments: [] }),
    });
    assert.deepEqual([answer, records], [{ redeliver: false, code: "not_ours" }, []]);
  }
});

Deno.test("an unanswered read is redelivered, a payment that Stripe does not know is not", async () => {
  const outcomes: [ReturnType<typeof refused>, boolean][] = [
    [lost("timeout"), true],
    [throttled, true],
    [refused(500), true],
    [refused(401), true],
    [refused(403), true],
    [refused(404, { errorCode: "resource_missing" }), false],
    [refused(403, { errorCode: "account_invalid" }), false],
  ];
  for (const [outcome, redeliver] of outcomes) {
    const { answer, records } = await receive(event("payment_intent.succeeded"), {
      prepare: (stripe) => stripe.answer("readIntent", "pi_1", outcome),
    });
    assert.deepEqual([answer.redeliver, records], [redeliver, []], JSON.stringify(outcome));
  }
});

Deno.test("once the order is paid its other payments are cancelled, and recorded without the event", async () => {
  const paid = payment({ state: "paid" });
  const others = [payment({ stripeId: "pi_2" }), payment({ stripeId: "pi_3", account: "acct_1" })];
  const { records, stripe } = await receive(event("payment_intent.succeeded"), {
    objects: {
      pi_1: intent({ status: "succeeded", amount_received: 5000 }),
      pi_2: intent({ id: "pi_2" }),
      pi_3: intent({ id: "pi_3", status: "processing" }),
    },
    recorded: { result: "paid", order: order({ status: "paid", payments: [paid, ...others] }) },
  });
  assert.deepEqual(stripe.writes(), ["cancelIntent pi_2 lapse:webhook:evt_1:pi_2:3.1"]);
  assert.deepEqual(records.map((it) => [it.event, it.stripeId, it.state]), [
    ["evt_1", "pi_1", "paid"],
    [null, "pi_2", "dead"],
  ]);
});

Deno.test("if cancelling the other payments fails, the next run does it", async () => {
  const { answer } = await receive(event("payment_intent.succeeded"), {
    objects: { pi_1: intent({ status: "succeeded", amount_received: 5000 }), pi_2: intent({ id: "pi_2" }) },
    recorded: { result: "paid", order: order({ status: "paid", payments: [payment({ stripeId: "pi_2" })] }) },
    prepare: (stripe) =>
      stripe.answer("readIntent", "pi_2", () => {
        throw new DatabaseError("Cannot go on", { code: null });
      }),
  });
  assert.deepEqual(answer, { redeliver: false, code: "paid" });
});

Deno.test("before an intent is recorded, the session that paid is asked whether it is its own", async () => {
  const own = intent({ status: "succeeded", amount_received: 5000 });
  const paidBefore = payment({ stripeId: "cs_1", state: "paid" });
  const { records } = await receive(event("payment_intent.succeeded"), {
    objects: { pi_1: own, cs_1: session({ status: "complete", payment_status: "paid", payment_intent: own }) },
    order: order({ status: "paid", payments: [paidBefore, payment()] }),
  });
  assert.deepEqual(records.map((it) => [it.event, it.stripeId, it.evidence.intent]), [
    [null, "cs_1", "pi_1"],
    ["evt_1", "pi_1", undefined],
  ]);
});
