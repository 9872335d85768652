import assert from "node:assert/strict";
import { eventually, type Shop, withShop } from "./support.ts";

/** The shop attaches the session, and a webhook of `payment_intent.created` attaches the session's own intent. The customer pays, once. */
async function paidOnce(shop: Shop): Promise<{ orderId: string; session: string; intent: string }> {
  const orderId = await shop.placeOrder();
  const session = await shop.addSession(orderId, { intentStatus: "requires_payment_method" });
  const intent = shop.stripe.checkoutSession({ id: session }).payment_intent as string;
  await shop
    .sql`select public.attach_payment(p_order_id => ${orderId}, p_kind => 'payment_intent', p_stripe_id => ${intent})`;
  assert.ok((await shop.stripe.customer({ id: session, verb: "confirm_session" })).accepted);
  return { orderId, session, intent };
}

const openAlerts = async ({ sql }: Shop) =>
  (await sql<{ line: string }[]>`
    select severity || ' ' || split_part(key, ':', 1) as line from public.job_alerts where resolved_at is null`)
    .map(({ line }) => line);

async function mark({ sql }: Shop, orderId: string, stripeId: string): Promise<string> {
  const [row] = await sql<{ answer: string }[]>`select public.mark_order_paid(${orderId}, ${stripeId}) as answer`;
  return row!.answer;
}

async function cleanUp(shop: Shop): Promise<string> {
  const options = { headers: { apikey: shop.stack.secretKey }, name: "cleanup-stale-payment-intents" };
  return (await (await shop.post({ wait: true }, options)).json()).status;
}

async function reasonOf({ sql }: Shop, stripeId: string): Promise<string> {
  const [row] = await sql<{ line: string }[]>`
    select state || ' ' || reason as line from public.order_payments where stripe_id = ${stripeId}`;
  return row!.line;
}

Deno.test("a run that finds a session and its own intent paid settles one payment", async () => {
  await withShop({}, async (shop) => {
    const { orderId, session, intent } = await paidOnce(shop);
    assert.equal((await shop.run()).ordersPaid, 1);
    assert.equal((await shop.orderOf(orderId)).reason, "paid");
    assert.deepEqual(await openAlerts(shop), []);
    for (const id of [session, intent]) assert.equal(await mark(shop, orderId, id), "already_paid");
    assert.deepEqual(await openAlerts(shop), []);
  });
});

Deno.test("a webhook that overtakes the run leaves it one payment", async () => {
  await withShop({}, async (shop) => {
    const { orderId, session, intent } = await paidOnce(shop);
    shop.stripe.setLatency({ latencyMs: 500 });
    const running = shop.run();
    await eventually(() => shop.stripe.countCalls() > 0, "the run asked Stripe");
    assert.equal(await mark(shop, orderId, session), "paid");
    await running;
    assert.equal(await reasonOf(shop, intent), "paid paid");
    assert.deepEqual(await openAlerts(shop), []);
  });
});

Deno.test("the clean-up asks Stripe once whether the attached intent is that of the session that paid, and believes it", async () => {
  await withShop({}, async (shop) => {
    const { orderId, session, intent } = await paidOnce(shop);
    assert.equal(await mark(shop, orderId, session), "paid");
    assert.equal(await cleanUp(shop), "succeeded");
    assert.equal(await reasonOf(shop, intent), "paid paid");
    assert.equal(shop.stripe.countCalls({ endpoint: "checkout.sessions.list" }), 1);
    assert.equal(await mark(shop, orderId, intent), "already_paid");
    assert.deepEqual(await openAlerts(shop), []);
  });
});

Deno.test("the clean-up finds the session that belongs to the intent that paid", async () => {
  await withShop({}, async (shop) => {
    const { orderId, session, intent } = await paidOnce(shop);
    assert.equal(await mark(shop, orderId, intent), "paid");
    assert.equal(await cleanUp(shop), "succeeded");
    assert.equal(await reasonOf(shop, session), "paid paid");
    assert.equal(shop.stripe.countCalls({ endpoint: "checkout.sessions.list" }), 0);
    assert.deepEqual(await openAlerts(shop), []);
  });
});

Deno.test("while Stripe does not say whose the intent is, the clean-up says nothing about it", async () => {
  await withShop({}, async (shop) => {
    const { orderId, session, intent } = await paidOnce(shop);
    await mark(shop, orderId, session);
    shop.stripe.addFault({ kind: "error_500", endpoint: "checkout.sessions.list" });
    assert.equal(await cleanUp(shop), "partial");
    assert.equal(await reasonOf(shop, intent), "open server_error");
    assert.deepEqual(await openAlerts(shop), []);
    shop.stripe.clearFaults();
    await shop.sql`update jobs.revisits set next_look_at = now()`;
    assert.equal(await cleanUp(shop), "succeeded");
    assert.equal(await reasonOf(shop, intent), "paid paid");
    assert.deepEqual(await openAlerts(shop), []);
  });
});

Deno.test("a second payment beside a session is one, and is told as one", async () => {
  await withShop({}, async (shop) => {
    const { orderId, session } = await paidOnce(shop);
    const second = await shop.addIntent(orderId, { status: "succeeded" });
    await mark(shop, orderId, session);
    assert.equal(await cleanUp(shop), "succeeded");
    assert.equal(await reasonOf(shop, second), "paid paid_twice");
    assert.deepEqual(await openAlerts(shop), ["critical paid_twice"]);
  });
});

Deno.test("where only webhooks told of both, nobody is told to refund before the intent was compared", async () => {
  await withShop({}, async (shop) => {
    const { orderId, session, intent } = await paidOnce(shop);
    assert.equal(await mark(shop, orderId, session), "paid");
    assert.equal(await mark(shop, orderId, intent), "maybe_paid_twice");
    assert.deepEqual(await openAlerts(shop), ["warning paid_twice"]);
    const [alert] = await shop.sql`select message from public.job_alerts`;
    assert.match(alert!.message, /compare the session's intent before you refund/);
  });
});
