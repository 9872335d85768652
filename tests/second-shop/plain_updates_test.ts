// The second shop's own webhook is one plain update of its order, without further checks. A run works on the same order.

import assert from "node:assert/strict";
import { UNITS, useLivingShops, withLivingShop } from "../support/living-shop.ts";

useLivingShops();

Deno.test("a webhook that updates the order while a run asks Stripe wins: the order is paid and its stock sold", async () => {
  await withLivingShop(async (shop) => {
    const orders = await Promise.all(Array.from({ length: 6 }, () => shop.checkout()));
    const intents = await Promise.all(orders.map((id) => shop.intent(id)));
    // The customers pay just before the run comes, and the webhooks arrive while it works.
    for (const id of intents) assert.ok((await shop.stripe.customer({ id, verb: "confirm_ok" })).accepted);
    const running = shop.run();
    await Promise.all(orders.map((id, n) => shop.webhook(id, intents[n])));
    await running;
    await shop.dueNow();
    await shop.run();
    for (const id of orders) assert.equal(await shop.stateOf(id), "paid");
    assert.equal(await shop.stockOf(), UNITS - 12);
    assert.deepEqual(await shop.drift(), []);
  });
});

Deno.test("a webhook whose transaction is still open when the run settles keeps its order, whichever of the two commits first", async () => {
  await withLivingShop(async (shop) => {
    const [paying, idle] = [await shop.checkout(), await shop.checkout()];
    for (const id of [paying, idle]) await shop.intent(id);
    await shop.sql.begin(async (webhook) => {
      await webhook`select public.payment_succeeded(${paying}, null)`;
      const report = await shop.run();
      // The run gives way to the shop, and decides the other order in the meantime.
      assert.equal(report.ordersExpired, 1);
    });
    assert.deepEqual([await shop.stateOf(paying), await shop.stateOf(idle)], ["paid", "cancelled"]);
    await shop.dueNow();
    await shop.run();
    assert.equal((await shop.ledgerOf(paying))!.status, "paid");
    assert.equal(await shop.stockOf(), UNITS - 2);
    assert.deepEqual(await shop.drift(), []);
  });
});

Deno.test("a webhook that comes after the run closed the order changes nothing: its plain update asks for open orders", async () => {
  await withLivingShop(async (shop) => {
    const id = await shop.checkout();
    const intent = await shop.intent(id);
    assert.equal((await shop.run()).ordersExpired, 1);
    await shop.webhook(id, intent);
    assert.equal(await shop.stateOf(id), "cancelled");
    assert.equal(shop.stripe.paymentIntent({ id: intent }).status, "canceled");
    assert.equal(await shop.stockOf(), UNITS);
  });
});

Deno.test("an order that the shop ships or deletes itself is left alone, and its cancelable payments are cancelled", async () => {
  await withLivingShop(async (shop) => {
    const { sql } = shop;
    const [shipped, deleted] = [await shop.checkout(), await shop.checkout()];
    const intent = await shop.intent(deleted);
    await sql`update public.orders set state = 'shipped' where id = ${shipped}`;
    await sql`delete from public.orders where id = ${deleted}`;
    await sql`update public.variants set stock_quantity = stock_quantity + 2 where id = 1`;
    await shop.run();
    await shop.dueNow();
    await shop.run();
    assert.equal((await shop.ledgerOf(shipped))!.status, "paid");
    assert.equal(shop.stripe.paymentIntent({ id: intent }).status, "canceled");
    assert.equal((await shop.ledgerOf(deleted))!.status, "expired");
    assert.equal(await shop.stockOf(), UNITS - 2);
  });
});
