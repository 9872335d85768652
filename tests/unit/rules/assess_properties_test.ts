import assert from "node:assert/strict";
import fc from "fast-check";
import { assessIntent } from "../../../functions/_shared/rules/assess-intent.ts";
import { assessSession } from "../../../functions/_shared/rules/assess-session.ts";
import { at, context, DAY, intent, order, payment, seconds, session } from "./builders.ts";

const STATUSES = [
  "requires_payment_method",
  "requires_confirmation",
  "requires_action",
  "processing",
  "requires_capture",
  "canceled",
  "succeeded",
  "a_new_one",
];
const ACTIONS = [
  "use_stripe_sdk",
  "redirect_to_url",
  "oxxo_display_details",
  "pix_display_qr_code",
  "verify_with_microdeposits",
  "display_bank_transfer_instructions",
  "a_new_one",
];

const anyDetails = fc.record({
  expires_at: fc.option(fc.integer({ min: seconds(at(-20 * DAY)), max: seconds(at(20 * DAY)) })),
  expires_after: fc.option(fc.integer({ min: seconds(at(-20 * DAY)), max: seconds(at(20 * DAY)) })),
  amount_remaining: fc.option(fc.integer({ min: 0, max: 6000 })),
});
const anyIntent = fc.record({
  status: fc.constantFrom(...STATUSES),
  amount_received: fc.constantFrom(0, 0, 1, 4999, 5000, 5001),
  currency: fc.constantFrom("eur", "usd"),
  livemode: fc.boolean(),
  metadata: fc.constantFrom({ order_id: "o1" }, { order_id: "o2" }, {}),
  created: fc.integer({ min: seconds(at(-20 * DAY)), max: seconds(at(0)) }),
  next_action: fc.option(
    fc.tuple(fc.constantFrom(...ACTIONS), anyDetails).map(([type, details]) => ({ type, [type]: details })),
  ),
}).map(intent);
const anyContext = fc.record({
  graceUntil: fc.constantFrom(null, at(-1), at(1000)),
  status: fc.constantFrom("open", "open", "paid", "unknown"),
  amount: fc.constantFrom(5000, 5000, null),
  source: fc.constantFrom("server", "client", "list"),
}).map(({ source, ...fields }) => ({ order: order(fields), payment: payment({ source }) }));

const mayBeCanceled = ["requires_payment_method", "requires_confirmation", "requires_action"];

Deno.test("an intent is cancelable only if unpaid, received nothing, ours, and of the key's mode", () => {
  fc.assert(
    fc.property(anyIntent, anyContext, (object, known) => {
      const assessment = assessIntent(object, context(known));
      if (assessment.kind !== "cancelable") return;
      assert.ok(mayBeCanceled.includes(object.status));
      assert.equal(object.amount_received, 0);
      assert.ok(object.metadata.order_id === "o1" || (!object.metadata.order_id && known.payment.source !== "client"));
      assert.equal(object.livemode, false);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("an intent is dead only if canceled with nothing received", () => {
  fc.assert(
    fc.property(anyIntent, anyContext, (object, known) => {
      if (assessIntent(object, context(known)).kind !== "dead") return;
      assert.deepEqual([object.status, object.amount_received], ["canceled", 0]);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("a wait always ends in the future, so no order is checked in a loop", () => {
  fc.assert(
    fc.property(anyIntent, anyContext, (object, known) => {
      const assessment = assessIntent(object, context(known));
      if (assessment.kind === "wait") assert.ok(assessment.until > at(0), assessment.why);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("an intent that is cancelable today was never paid, and time alone makes it neither paid nor dead", () => {
  fc.assert(
    fc.property(anyIntent, anyContext, fc.nat(60 * DAY), (object, known, elapsed) => {
      const later = assessIntent(object, context({ ...known, now: at(elapsed) })).kind;
      const now = assessIntent(object, context(known)).kind;
      if (now === "paid" || now === "dead" || later === "paid" || later === "dead") assert.equal(later, now);
      if (now === "cancelable") assert.equal(later, "cancelable");
    }),
    { numRuns: 2000 },
  );
});

Deno.test("a session is ended or dead only if its intent received nothing and could be ended or is dead", () => {
  const anySession = fc.record({
    status: fc.constantFrom("open", "complete", "expired", null, "a_new_one"),
    payment_status: fc.constantFrom("paid", "unpaid", "no_payment_required", "a_new_one"),
    mode: fc.constantFrom("payment", "payment", "setup"),
    payment_intent: fc.option(anyIntent),
  });
  fc.assert(
    fc.property(anySession, anyContext, (fields, known) => {
      const object = session(fields);
      const assessment = assessSession(object, context(known));
      if (assessment.kind !== "cancelable" && assessment.kind !== "dead") return;
      assert.equal(object.mode, "payment");
      assert.equal(intentOf(object)?.amount_received ?? 0, 0);
      assert.ok([...mayBeCanceled, "canceled"].includes(intentOf(object)?.status ?? "canceled"));
      if (assessment.kind === "dead") {
        assert.notEqual(object.status, "open");
        assert.equal(intentOf(object)?.status ?? "canceled", "canceled");
      }
    }),
    { numRuns: 3000 },
  );
});

function intentOf({ payment_intent }: ReturnType<typeof session>) {
  return typeof payment_intent === "string" ? null : payment_intent;
}
