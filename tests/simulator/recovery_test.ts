import assert from "node:assert/strict";
import type Stripe from "stripe";
import { withSimulator } from "./with-simulator.ts";

const DAY = 86_400_000;
const RECOVERABLE: Stripe.Checkout.SessionCreateParams = {
  mode: "payment",
  line_items: [{ price_data: { currency: "eur", unit_amount: 700, product_data: { name: "Cup" } }, quantity: 2 }],
  success_url: "https://shop.example/thanks",
  metadata: { order_id: "o1" },
  payment_intent_data: { metadata: { order_id: "o1" } },
  after_expiration: { recovery: { enabled: true } },
};

Deno.test("a recoverable session gets its recovery URL when it expires, and not before", () =>
  withSimulator({}, async ({ stripe }) => {
    const made = await stripe.checkout.sessions.create(RECOVERABLE);
    const before = { enabled: true, allow_promotion_codes: false, expires_at: null, url: null };
    assert.deepEqual(made.after_expiration, { recovery: before });
    const { after_expiration } = await stripe.checkout.sessions.expire(made.id);
    assert.match(after_expiration!.recovery!.url!, /^https:/);
    assert.ok(after_expiration!.recovery!.expires_at! > made.expires_at);
  }));

Deno.test("behind the recovery URL the customer pays for a copy of the expired session", () =>
  withSimulator({}, async ({ stripe, control }) => {
    const { id } = await stripe.checkout.sessions.create(RECOVERABLE);
    assert.equal((await control.customer({ id, verb: "recover_session" })).accepted, false, "it is open");
    await stripe.checkout.sessions.expire(id);
    const result = await control.customer({ id, verb: "recover_session" });
    assert.deepEqual(result, { accepted: true, status: "succeeded", sessionStatus: "complete" });

    const { data: [copy] } = await stripe.checkout.sessions.list({ status: "complete" });
    assert.deepEqual([copy!.recovered_from, copy!.metadata, copy!.amount_total], [id, { order_id: "o1" }, 1400]);
    assert.equal((await stripe.checkout.sessions.retrieve(id)).status, "expired");
    assert.equal(control.orderMoney({ orderId: "o1" }).chargedAmount, 1400);
  }));

Deno.test("nobody recovers a session without a recovery URL, or once it is too old", () =>
  withSimulator({ now: new Date("2026-11-01T00:00:00Z") }, async ({ stripe, control }) => {
    const off = { ...RECOVERABLE, after_expiration: { recovery: { enabled: false } } };
    for (const params of [off, RECOVERABLE]) {
      const { id } = await stripe.checkout.sessions.create(params);
      await stripe.checkout.sessions.expire(id);
      if (params === RECOVERABLE) control.advanceClock({ ms: 30 * DAY });
      assert.equal((await control.customer({ id, verb: "recover_session" })).accepted, false);
    }
  }));
