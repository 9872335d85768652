import assert from "node:assert/strict";
import Stripe from "stripe";

/**
 * A claim about Stripe that the product relies on, tested only through the public API. Throws if Stripe behaves
 * differently.
 */
export type ContractBehaviour = { claim: string; check: (stripe: Stripe) => Promise<void> };

const CARD = { enabled: true, allow_redirects: "never" as const };
const MONEY = { amount: 2000, currency: "eur", automatic_payment_methods: CARD };
const LINE = { price_data: { currency: "eur", unit_amount: 2000, product_data: { name: "Contract" } }, quantity: 1 };

async function refused(call: Promise<unknown>): Promise<Stripe.errors.StripeError> {
  try {
    await call;
  } catch (error) {
    if (error instanceof Stripe.errors.StripeError) return error;
    throw error;
  }
  throw new Error("succeeded, a refusal was expected");
}

function claim(claim: string, check: ContractBehaviour["check"]): ContractBehaviour {
  return { claim, check };
}

/** Behaviour that the simulator and a Stripe sandbox must share. None of these leaves a payable payment behind. */
export const CONTRACT: ContractBehaviour[] = [
  claim("a new intent waits for a payment method and shows its metadata", async (stripe) => {
    const intent = await stripe.paymentIntents.create({ ...MONEY, metadata: { order_id: "contract" } });
    assert.deepEqual([intent.status, intent.metadata.order_id], ["requires_payment_method", "contract"]);
    const canceled = await stripe.paymentIntents.cancel(intent.id, { cancellation_reason: "abandoned" });
    assert.deepEqual([canceled.status, canceled.cancellation_reason], ["canceled", "abandoned"]);
  }),
  claim("cancelling twice is a 400 unexpected_state that carries the intent", async (stripe) => {
    const { id } = await stripe.paymentIntents.create(MONEY);
    await stripe.paymentIntents.cancel(id);
    const error = await refused(stripe.paymentIntents.cancel(id));
    assert.deepEqual([error.statusCode, error.code], [400, "payment_intent_unexpected_state"]);
    assert.equal(error.payment_intent?.status, "canceled");
  }),
  claim("a paid intent refuses a cancel and carries itself", async (stripe) => {
    const { id } = await stripe.paymentIntents.create({ ...MONEY, confirm: true, payment_method: "pm_card_visa" });
    const error = await refused(stripe.paymentIntents.cancel(id));
    assert.deepEqual([error.code, error.payment_intent?.status], ["payment_intent_unexpected_state", "succeeded"]);
    await stripe.refunds.create({ payment_intent: id });
  }),
  claim("a declined confirm is a 402 and leaves the intent payable", async (stripe) => {
    const { id } = await stripe.paymentIntents.create(MONEY);
    const error = await refused(stripe.paymentIntents.confirm(id, { payment_method: "pm_card_chargeDeclined" }));
    assert.deepEqual([error.statusCode, error.code], [402, "card_declined"]);
    assert.equal((await stripe.paymentIntents.retrieve(id)).status, "requires_payment_method");
    await stripe.paymentIntents.cancel(id);
  }),
  claim("an intent in 3-D Secure can be cancelled", async (stripe) => {
    const intent = await stripe.paymentIntents.create({
      ...MONEY,
      confirm: true,
      payment_method: "pm_card_authenticationRequired",
    });
    assert.equal(intent.status, "requires_action");
    assert.equal((await stripe.paymentIntents.cancel(intent.id)).status, "canceled");
  }),
  claim("cancelling a held payment releases what was capturable", async (stripe) => {
    const params = { ...MONEY, confirm: true, payment_method: "pm_card_visa", capture_method: "manual" as const };
    const held = await stripe.paymentIntents.create(params);
    assert.deepEqual([held.status, held.amount_capturable], ["requires_capture", 2000]);
    const canceled = await stripe.paymentIntents.cancel(held.id);
    assert.deepEqual([canceled.status, canceled.amount_capturable], ["canceled", 0]);
  }),
  claim("a list refuses a status filter with parameter_unknown", async (stripe) => {
    const error = await refused(stripe.paymentIntents.list({ status: "succeeded" } as never));
    assert.deepEqual([error.statusCode, error.code, error.param], [400, "parameter_unknown", "status"]);
  }),
  claim("a list is newest first and pages by starting_after without gaps", async (stripe) => {
    const made = [await stripe.paymentIntents.create(MONEY), await stripe.paymentIntents.create(MONEY)];
    const created = { gte: made[0]!.created };
    const first = await stripe.paymentIntents.list({ limit: 1, created });
    const second = await stripe.paymentIntents.list({ limit: 1, created, starting_after: first.data[0]!.id });
    assert.deepEqual([first.data[0]!.id, second.data[0]!.id], [made[1]!.id, made[0]!.id]);
    for (const { id } of made) await stripe.paymentIntents.cancel(id);
  }),
  claim("a limit over 100 is refused", async (stripe) => {
    assert.equal((await refused(stripe.paymentIntents.list({ limit: 101 }))).statusCode, 400);
  }),
  claim("an unknown id is a 404 resource_missing", async (stripe) => {
    const error = await refused(stripe.paymentIntents.retrieve("pi_contractunknown"));
    assert.deepEqual([error.statusCode, error.code], [404, "resource_missing"]);
  }),
  claim("a key with the same parameters replays the first reply", async (stripe) => {
    const idempotencyKey = crypto.randomUUID();
    const first = await stripe.paymentIntents.create(MONEY, { idempotencyKey });
    assert.equal((await stripe.paymentIntents.create(MONEY, { idempotencyKey })).id, first.id);
    const error = await refused(stripe.paymentIntents.create({ ...MONEY, amount: 2100 }, { idempotencyKey }));
    assert.deepEqual([error.statusCode, error.rawType], [400, "idempotency_error"]);
    await stripe.paymentIntents.cancel(first.id);
  }),
  claim("a refused cancel is frozen under its key", async (stripe) => {
    const { id } = await stripe.paymentIntents.create(MONEY);
    await stripe.paymentIntents.cancel(id);
    const idempotencyKey = crypto.randomUUID();
    await refused(stripe.paymentIntents.cancel(id, {}, { idempotencyKey }));
    const again = await refused(stripe.paymentIntents.cancel(id, {}, { idempotencyKey }));
    assert.equal(again.headers?.["idempotent-replayed"], "true");
  }),
  claim("an open session has no intent and expires once", async (stripe) => {
    const success_url = "https://shop.example/thanks";
    const session = await stripe.checkout.sessions.create({ mode: "payment", line_items: [LINE], success_url });
    assert.deepEqual([session.status, session.payment_status, session.payment_intent], ["open", "unpaid", null]);
    const expired = await stripe.checkout.sessions.expire(session.id, { expand: ["payment_intent"] });
    assert.equal(expired.status, "expired");
    assert.match((await refused(stripe.checkout.sessions.expire(session.id))).message, /status in \["open"\]/);
  }),
  claim("an unknown cursor is refused as resource_missing", async (stripe) => {
    const error = await refused(stripe.paymentIntents.list({ starting_after: "pi_contractunknown" }));
    assert.equal(error.code, "resource_missing");
  }),
];
