import assert from "node:assert/strict";
import { eventually, type Shop, withShop } from "./support.ts";

/** The shop attaches the session, and a webhook of `payment_intent.created` attaches the session's own intent. The customer pays, once. */
async function paidOnce(shop: Shop): Promise<{ orderId: string; session: string; intent: string }> {
  const orderId = await shop.placeOrder();
  const session = await shop.addSession(orderId, { intentStatus: "requires_payment_method" });
  const intent = shop.stripe.checkoutSession({ id: session }).payment_intent as string;
  await shop.attach(orderId, intent);
  assert.ok((await shop.stripe.customer({ id: session, verb: "confirm_session" })).accepted);
  return { orderId, session, intent };
}

const openAlerts = async (shop: Shop) => (await shop.openAlerts()).map((line) => line.split(":")[0]!);

/** The next tick: payments of closed orders that are still open are due at once. */
async function tick(shop: Shop) {
  await shop.dueNow();
  return await shop.run();
}

async function reasonOf(shop: Shop, stripeId: string): Promise<string> {
  const { state, reason } = await shop.paymentOf(stripeId);
  return `${state} ${reason}`;
}

Deno.test("a run that finds a session and its own intent paid settles one payment", async () => {
  await withShop({}, async (shop) => {
    const { orderId, session, intent } = await paidOnce(shop);
    assert.equal((await shop.run()).ordersPaid, 1);
    assert.equal((await shop.orderOf(orderId)).reason, "paid");
    assert.deepEqual(await openAlerts(shop), []);
    for (const id of [session, intent]) assert.equal(await shop.markPaid(orderId, id), "already_paid");
    assert.deepEqual(await openAlerts(shop), []);
  });
});

Deno.test("a webhook that is faster than the run leads to one payment", async () => {
  await withShop({}, async (shop) => {
    const { orderId, session, intent } = await paidOnce(shop);
    shop.stripe.setLatency({ latencyMs: 500 });
    const running = shop.run();
    await eventually(
      () => shop.stripe.countCalls({ endpoint: "payment_intents.retrieve" }) > 0,
      "the run asked Stripe",
    );
    assert.equal(await shop.markPaid(orderId, session), "paid");
    await running;
    shop.stripe.setLatency({ latencyMs: 0 });
    await tick(shop);
    assert.equal(await reasonOf(shop, intent), "paid paid");
    assert.deepEqual(await openAlerts(shop), []);
  });
});

Deno.test("the next tick asks Stripe once whether the attached intent is that of the session that paid, and believes it", async () => {
  await withShop({}, async (shop) => {
    const { orderId, session, intent } = await paidOnce(shop);
    assert.equal(await shop.markPaid(orderId, session), "paid");
    assert.equal((await tick(shop)).status, "succeeded");
    assert.equal(await reasonOf(shop, intent), "paid paid");
    assert.equal(await shop.markPaid(orderId, intent), "already_paid");
    assert.deepEqual(await openAlerts(shop), []);
  });
});

Deno.test("the next tick finds the session that belongs to the intent that paid", async () => {
  await withShop({}, async (shop) => {
    const { orderId, session, intent } = await paidOnce(shop);
    assert.equal(await shop.markPaid(orderId, intent), "paid");
    assert.equal((await tick(shop)).status, "succeeded");
    assert.equal(await reasonOf(shop, session), "paid paid");
    assert.deepEqual(await openAlerts(shop), []);
  });
});

Deno.test("while the intent's session is unknown, no alert asks for a refund", async () => {
  await withShop({}, async (shop) => {
    const { orderId, session, intent } = await paidOnce(shop);
    await shop.markPaid(orderId, session);
    shop.stripe.addFault({ kind: "error_500", endpoint: ["payment_intents.retrieve", "checkout.sessions.retrieve"] });
    await tick(shop);
    assert.equal((await shop.paymentOf(intent)).state, "open");
    assert.deepEqual(await openAlerts(shop), []);
    shop.stripe.clearFaults();
    assert.equal((await tick(shop)).status, "succeeded");
    assert.equal(await reasonOf(shop, intent), "paid paid");
    assert.deepEqual(await openAlerts(shop), []);
  });
});

Deno.test("a second payment beside a session is reported as a second payment", async () => {
  await withShop({}, async (shop) => {
    const { orderId, session } = await paidOnce(shop);
    const second = await shop.addIntent(orderId, { status: "succeeded" });
    await shop.markPaid(orderId, session);
    assert.equal((await tick(shop)).status, "succeeded");
    assert.equal(await reasonOf(shop, second), "paid paid_twice");
    assert.deepEqual(await openAlerts(shop), ["critical paid_twice"]);
  });
});

Deno.test("if only webhooks reported both, the alert asks for a comparison before a refund", async () => {
  await withShop({}, async (shop) => {
    const { orderId, session, intent } = await paidOnce(shop);
    assert.equal(await shop.markPaid(orderId, session), "paid");
    assert.equal(await shop.markPaid(orderId, intent), "maybe_paid_twice");
    assert.deepEqual(await openAlerts(shop), ["warning paid_twice"]);
    const [alert] = await shop.sql`select message from lapse.alerts`;
    assert.match(alert!.message, /compare/);
  });
});

Deno.test("an order paid in two halves stays open after the first, and the second is not surplus", async () => {
  await withShop({}, async (shop) => {
    const orderId = await shop.placeOrder();
    const halves = [
      await shop.addIntent(orderId, { status: "succeeded", amount: 1000 }),
      await shop.addIntent(orderId, { status: "succeeded", amount: 1000 }),
    ];
    assert.equal(await shop.markPaid(orderId, halves[0]!, 1000), "partly_paid");
    assert.equal((await shop.orderOf(orderId)).status, "pending");
    assert.equal(await shop.markPaid(orderId, halves[1]!, 1000), "paid");
    assert.equal(await shop.shopStatusOf(orderId), "paid");
    assert.deepEqual(await openAlerts(shop), []);
  });
});

// Sessions that a customer may bring back after they expired.

const redrive = ({ sql }: Shop, orderId: string) =>
  sql`select public.lapse_redrive_order(p_ref => ${orderId}, p_reason => 'again', p_requested_by => 'test')`;

Deno.test("an order whose session the customer can recover keeps its stock and is paid by the copy", async () => {
  await withShop({}, async (shop) => {
    const orderId = await shop.placeOrder();
    const session = await shop.addSession(orderId, { recovery: true });
    assert.equal((await shop.run()).ordersQuarantined, 1);
    assert.equal((await shop.orderOf(orderId)).reason, "session_recoverable");
    assert.equal(
      shop.stripe.checkoutSession({ id: session }).status,
      "open",
      "expiring it would make the recovery URL",
    );

    // Stripe expires it and mails the URL.
    shop.stripe.advanceClock({ ms: 25 * 3_600_000 });
    await redrive(shop, orderId);
    await shop.dueNow();
    assert.equal((await shop.run()).ordersQuarantined, 1);
    assert.equal(shop.stripe.checkoutSession({ id: session }).status, "expired");

    assert.ok((await shop.stripe.customer({ id: session, verb: "recover_session" })).accepted);
    const [copy] = shop.stripe.checkoutSessions({ orderId, status: "complete" });
    assert.equal(await shop.markPaid(orderId, copy!.id), "paid");
    assert.equal((await shop.stockOf()).reserved, 0);
  });
});

Deno.test("once the session can no longer be recovered, the order expires", async () => {
  await withShop({}, async (shop) => {
    const orderId = await shop.placeOrder();
    const recoveryUntil = Math.floor(Date.now() / 1000) - 25 * 3_600;
    await shop.addSession(orderId, { recovery: true, status: "expired", recoveryUntil });
    assert.equal((await shop.run()).ordersExpired, 1);
    assert.equal((await shop.orderOf(orderId)).status, "expired");
  });
});

Deno.test("the recoverable session of a paid order is left alone, and an alert is raised", async () => {
  await withShop({}, async (shop) => {
    const orderId = await shop.placeOrder();
    const session = await shop.addSession(orderId, { recovery: true });
    const paying = await shop.addIntent(orderId, { status: "succeeded" });
    await shop.markPaid(orderId, paying);
    assert.equal((await tick(shop)).status, "succeeded");
    assert.equal(shop.stripe.checkoutSession({ id: session }).status, "open");
    assert.deepEqual(await shop.openAlerts(), ["warning payments_unclear:session_recoverable"]);
  });
});
