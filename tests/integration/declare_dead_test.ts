import assert from "node:assert/strict";
import { type Shop, withShop } from "./support.ts";

/** A voucher through Checkout that was never paid: its session stays complete, and Checkout lets nobody cancel its intent. */
async function unclosable(shop: Shop): Promise<{ orderId: string; session: string; intent: string }> {
  const orderId = await shop.placeOrder();
  const spec = { status: "complete", paymentStatus: "unpaid", intentStatus: "requires_payment_method" } as const;
  const session = await shop.addSession(orderId, spec);
  const intent = shop.stripe.checkoutSession({ id: session }).payment_intent as string;
  return { orderId, session, intent };
}

/** One grace for a customer who may just be paying, then the order is set aside. */
async function setAside(shop: Shop, orderId: string): Promise<void> {
  await shop.run();
  await shop.sql`update public.order_payments set grace_until = now() where order_id = ${orderId}`;
  await shop.sql`update public.orders set next_check_at = now() where id = ${orderId}`;
  await shop.run();
  const { status, reason } = await shop.orderOf(orderId);
  assert.deepEqual([status, reason], ["quarantined", "checkout_unclosable"]);
}

const declareDead = (shop: Shop, session: string) =>
  shop.sql`
    select public.jobs_declare_dead(
      p_stripe_id => ${session}, p_stripe_account => null, p_reason => 'the boleto lapsed', p_actor => 'test')`;

Deno.test("an unpaid voucher through Checkout gives its stock back once a person answers for it", async () => {
  await withShop({}, async (shop) => {
    const { orderId, session } = await unclosable(shop);
    await setAside(shop, orderId);
    await declareDead(shop, session);
    const mark = shop.stripe.mark();
    assert.equal((await shop.run()).paymentsExpired, 1);
    assert.equal((await shop.orderOf(orderId)).status, "expired");
    assert.equal(shop.stripe.mark(), mark, "nothing else was to be asked");
    const [tea] = await shop.sql`select reserved from public.inventory where sku = 'tea'`;
    assert.equal(tea!.reserved, 0);
  });
});

Deno.test("an order with another payment that is paid is paid, whatever was declared dead", async () => {
  await withShop({}, async (shop) => {
    const { orderId, session } = await unclosable(shop);
    const other = await shop.addIntent(orderId);
    await setAside(shop, orderId);
    assert.ok((await shop.stripe.customer({ id: other, verb: "confirm_ok" })).accepted);
    await declareDead(shop, session);
    assert.equal((await shop.run()).ordersPaid, 1);
  });
});

Deno.test("a payment that was declared dead and is paid after all is told at once", async () => {
  // The promise is the operator's word, and here it is broken.
  await withShop({ unchecked: true }, async (shop) => {
    const { orderId, session, intent } = await unclosable(shop);
    await setAside(shop, orderId);
    await declareDead(shop, session);
    await shop.run();
    assert.ok((await shop.stripe.customer({ id: intent, verb: "confirm_ok" })).accepted);
    const [row] = await shop.sql`select public.mark_order_paid(${orderId}, ${session}) as answer`;
    assert.equal(row!.answer, "late_payment");
    const alerts = await shop.sql`select key, severity, details -> 'payments' as payments from public.job_alerts`;
    assert.deepEqual(alerts.map((it) => ({ ...it })), [
      { key: `late_payment:${orderId}`, severity: "critical", payments: [session] },
    ]);
  });
});
