import assert from "node:assert/strict";
import { type Shop, withShop } from "./support.ts";

const redrive = (shop: Shop, orderId: string) =>
  shop.sql`select public.jobs_redrive_order(p_order_id => ${orderId}, p_reason => 'again', p_requested_by => 'test')`;

Deno.test("an order whose session the customer may bring back keeps its stock, and is paid by the copy", async () => {
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

    // Stripe expires it by itself, and mails the URL.
    shop.stripe.advanceClock({ ms: 25 * 3_600_000 });
    await redrive(shop, orderId);
    assert.equal((await shop.run()).ordersQuarantined, 1);
    assert.equal(shop.stripe.checkoutSession({ id: session }).status, "expired");

    assert.ok((await shop.stripe.customer({ id: session, verb: "recover_session" })).accepted);
    const [copy] = shop.stripe.checkoutSessions({ orderId, status: "complete" });
    const [row] = await shop.sql`select public.mark_order_paid(${orderId}, ${copy!.id}) as answer`;
    assert.equal(row!.answer, "paid");
    const [tea] = await shop.sql`select reserved from public.inventory where sku = 'tea'`;
    assert.equal(tea!.reserved, 0);
  });
});

Deno.test("once nobody can bring the session back any more, a redrive expires the order", async () => {
  await withShop({}, async (shop) => {
    const orderId = await shop.placeOrder();
    const recoveryUntil = Math.floor(Date.now() / 1000) - 25 * 3_600;
    await shop.addSession(orderId, { recovery: true, status: "expired", recoveryUntil });
    assert.equal((await shop.run()).paymentsExpired, 1);
    assert.equal((await shop.orderOf(orderId)).status, "expired");
  });
});

Deno.test("the clean-up leaves the recoverable session of a paid order alone, and tells", async () => {
  await withShop({}, async (shop) => {
    const orderId = await shop.placeOrder();
    const session = await shop.addSession(orderId, { recovery: true });
    const paying = await shop.addIntent(orderId, { status: "succeeded" });
    await shop.sql`select public.mark_order_paid(${orderId}, ${paying})`;
    const answer = await shop.post({ wait: true }, {
      headers: { apikey: shop.stack.secretKey },
      name: "cleanup-stale-payment-intents",
    });
    assert.equal((await answer.json()).status, "succeeded");
    assert.equal(shop.stripe.checkoutSession({ id: session }).status, "open");
    const alerts = await shop.sql<{ key: string }[]>`select key from public.job_alerts where resolved_at is null`;
    assert.deepEqual(alerts.map(({ key }) => key), ["payments_unclear:session_recoverable"]);
  });
});
