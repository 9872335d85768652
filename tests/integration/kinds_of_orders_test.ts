import assert from "node:assert/strict";
import { KINDS } from "../../local/demo/kinds.ts";
import { openShop } from "../../local/demo/shop.ts";
import { withShop } from "./support.ts";

Deno.test("every kind of order ends in the right state, and keeps its stock unless it is expired", async () => {
  await withShop({}, async ({ sql, stripe, run, orderOf }) => {
    const few = KINDS.map((kind) => ({ ...kind, orders: 3 }));
    const shop = await openShop(sql, stripe, few);
    const report = await run();
    assert.equal(report.status, "succeeded");
    for (const { id, kind } of shop.orders) {
      assert.equal((await orderOf(id)).status, kind.becomes, kind.name);
    }
  });
});

Deno.test("an order whose id only PostgreSQL takes for a UUID is expired like any other", async () => {
  await withShop({}, async (shop) => {
    const id = "a3bb189e-8bf9-0888-9912-ace4e6543002";
    await shop.sql`
      select public.place_order(
        p_currency => 'eur', p_amount => 2000, p_items => '[{"sku": "tea", "quantity": 1}]', p_order_id => ${id},
        p_now => now() - interval '1 hour')`;
    await shop.addIntent(id);
    const [other] = await shop.placeUnpaidOrders(1);
    assert.equal((await shop.run({ dryRun: true })).decisions?.length, 2);
    assert.equal((await shop.run()).ordersExpired, 2);
    assert.deepEqual([(await shop.orderOf(id)).status, (await shop.orderOf(other!)).status], ["expired", "expired"]);
  });
});

Deno.test("metadata that spells the order's id in capitals names the same order", async () => {
  await withShop({}, async (shop) => {
    const [attached, paid] = [await shop.placeOrder(), await shop.placeOrder()];
    await shop.addIntent(attached, { metadata: { order_id: attached.toUpperCase() } });
    shop.leaveIntent(paid, { metadata: { order_id: paid.toUpperCase() }, status: "succeeded" });
    const report = await shop.run();
    assert.deepEqual([report.ordersExpired, report.ordersPaid], [1, 1]);
    assert.equal(await shop.shopStatusOf(paid), "paid");
  });
});

Deno.test("an order that the program cannot read keeps its stock and is quarantined in the end, alone", async () => {
  await withShop({}, async (shop) => {
    await shop.sql`update lapse.settings set max_attempts = 2`;
    const odd = await shop.placeOrder();
    const intent = await shop.addIntent(odd);
    // A time that PostgreSQL knows and no clock does.
    await shop.sql`update lapse.payments set attached_at = 'infinity' where stripe_id = ${intent}`;
    const others = await shop.placeUnpaidOrders(3);
    const dry = await shop.run({ dryRun: true });
    assert.deepEqual(dry.decisions!.filter((it) => it.reason === "order_unreadable").map((it) => it.ref), [odd]);
    const first = await shop.run();
    assert.deepEqual([first.status, first.ordersExpired, first.ordersRetried], ["partial", others.length, 1]);
    assert.equal((await shop.orderOf(odd)).reason, "order_unreadable");

    await shop.dueNow();
    await shop.run();
    const { status, reason } = await shop.orderOf(odd);
    assert.deepEqual([status, reason], ["quarantined", "attempts_exhausted"]);
    assert.equal(await shop.shopStatusOf(odd), "pending");
  });
});

Deno.test("an order over 0 never expires as unpaid: it is quarantined, or paid by a session over 0", async () => {
  await withShop({}, async (shop) => {
    const [bare, free] = [await shop.placeOrder({ amount: 0 }), await shop.placeOrder({ amount: 0 })];
    await shop.addSession(free, { status: "complete", paymentStatus: "no_payment_required", amount: 0 });
    await shop.run();
    const { status, reason } = await shop.orderOf(bare);
    assert.deepEqual([status, reason], ["quarantined", "nothing_to_pay"]);
    assert.equal((await shop.orderOf(free)).status, "paid");
    assert.deepEqual(await shop.stockOf(), { onHand: 99_998, reserved: 2 });
  });
});

Deno.test("an order whose total the shop does not know is settled by any payment", async () => {
  await withShop({}, async (shop) => {
    const orders = [await shop.placeOrder(), await shop.placeOrder()];
    for (const id of orders) await shop.addIntent(id, { status: "succeeded", amount: 1750 });
    // As where Checkout adds taxes, and the shop's trigger has no amount to note.
    await shop.sql`update lapse.orders set amount = null, currency = null where ref = ${orders[0]!}`;
    await shop.run();
    const [unknown, known] = await Promise.all(orders.map((id) => shop.orderOf(id)));
    assert.equal(unknown!.status, "paid");
    assert.deepEqual([known!.status, known!.reason], ["quarantined", "amount_mismatch"]);
  });
});

Deno.test("an invalid payment id is refused with a hint, and so is a payment of another order", async () => {
  await withShop({}, async (shop) => {
    const [one, other] = [await shop.placeOrder(), await shop.placeOrder()];
    const intent = await shop.addIntent(one);
    for (const id of [`${intent}_secret_abc`, "ch_123", "https://checkout.stripe.com/c/pay/cs_1", "", " "]) {
      await assert.rejects(shop.attach(one, id), { code: "22023" }, id);
    }
    await assert.rejects(shop.attach(other, intent), { code: "PT409" });
    await shop.attach(one, intent);
    await assert.rejects(shop.attach(crypto.randomUUID(), "pi_of_nobody"), { code: "PT404" });
    await shop.run();
    assert.deepEqual([(await shop.orderOf(one)).status, (await shop.orderOf(other)).status], ["expired", "expired"]);
  });
});

Deno.test("a voucher's own expiry postpones its order's check without changing the customer's deadline", async () => {
  await withShop({}, async (shop) => {
    const id = await shop.placeOrder();
    const inTwoDays = new Date(Date.now() + 2 * 86_400_000);
    const intent = shop.leaveIntent(id, {
      status: "requires_action",
      nextAction: "oxxo",
      expiresAt: Math.floor(inTwoDays.getTime() / 1_000),
    });
    await shop.sql`
      select public.lapse_attach_payment(p_ref => ${id}, p_stripe_id => ${intent}, p_expires_at => ${inTwoDays})`;
    assert.equal((await shop.run()).ordersWaiting, 0, "nobody looks before it");
    const [order] = await shop.sql`select deadline, hold_until, next_check_at from lapse.orders where ref = ${id}`;
    assert.deepEqual(order!.hold_until, inTwoDays);
    assert.ok(order!.deadline < new Date() && order!.next_check_at >= inTwoDays);
    // An earlier one does not bring it forward.
    await shop.sql`select public.lapse_attach_payment(p_ref => ${id}, p_stripe_id => ${intent}, p_expires_at => now())`;
    assert.ok((await shop.orderOf(id)).nextCheckAt! >= inTwoDays);
  });
});
