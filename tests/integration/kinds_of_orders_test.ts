import assert from "node:assert/strict";
import { KINDS } from "../../local/demo/kinds.ts";
import { openShop } from "../../local/demo/shop.ts";
import { withShop } from "./support.ts";

Deno.test("every kind of order ends where it has to, and keeps its stock unless it is expired", async () => {
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
    assert.equal((await shop.run()).paymentsExpired, 2);
    assert.deepEqual([(await shop.orderOf(id)).status, (await shop.orderOf(other!)).status], ["expired", "expired"]);
  });
});

Deno.test("an order that the program cannot read keeps its stock and is set aside in the end, alone", async () => {
  await withShop({}, async (shop) => {
    await shop.sql`update jobs.settings set max_attempts = 2`;
    const odd = await shop.placeOrder();
    // Attached at a time that PostgreSQL knows and no clock does.
    await shop.sql`
      select public.attach_payment(
        p_order_id => ${odd}, p_kind => 'payment_intent', p_stripe_id => 'pi_odd', p_now => 'infinity')`;
    const others = await shop.placeUnpaidOrders(3);
    const dry = await shop.run({ dryRun: true });
    assert.deepEqual(dry.decisions!.filter((it) => it.reason === "order_unreadable").map((it) => it.orderId), [odd]);
    const first = await shop.run();
    assert.deepEqual([first.status, first.paymentsExpired, first.ordersRetried], ["partial", others.length, 1]);
    assert.equal((await shop.orderOf(odd)).reason, "order_unreadable");

    await shop.sql`update public.orders set next_check_at = now() where id = ${odd}`;
    await shop.run();
    const { status, reason } = await shop.orderOf(odd);
    assert.deepEqual([status, reason], ["quarantined", "attempts_exhausted"]);
  });
});
