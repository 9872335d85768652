import assert from "node:assert/strict";
import { eventually, type Shop, withShop } from "../integration/support.ts";
import { lengthOf } from "./support/length.ts";

const LATE = lengthOf({ bounded: 100, long: 500 });

async function withRefunds(test: (shop: Shop) => Promise<void>): Promise<void> {
  await withShop({ webhook: true }, async (shop) => {
    await shop.sql`
      update lapse.settings
      set late_payments = 'revive_or_refund', webhook_payments_per_second = 1000, refunds_per_day = 100000,
        refunded_per_day = 1000000000`;
    await test(shop);
  });
}

/** The next run reads Stripe's lists of the last hours again, as if the payments in them were new. */
async function rereadLists({ sql }: Shop): Promise<void> {
  await sql`update lapse.list_cursors set read_from = read_from - interval '3 hours', read_to = now() - interval '2 hours'`;
}

Deno.test(`${LATE} late payments with stock for half: each is revived or refunded once`, async () => {
  await withRefunds(async (shop) => {
    const orders = await shop.placeUnpaidOrders(LATE);
    for (let n = 0; n < 3; n++) await shop.run({ releaseBrake: true, reason: "test" });
    const [closed] = await shop.sql`select count(*)::int as n from lapse.orders where status = 'expired'`;
    assert.equal(closed!.n, LATE);
    await shop.sql`update public.inventory set on_hand = reserved + ${LATE / 2} where sku = 'tea'`;
    const late = orders.map((id) => shop.leaveIntent(id));
    await Promise.all(late.map((id) => shop.stripe.customer({ id, verb: "confirm_ok" })));
    await shop.stripe.webhooksSettled();
    await eventually(
      async () => {
        await rereadLists(shop);
        await shop.dueNow();
        await shop.run();
        await shop.run({}, "cleanup-stale-payment-intents");
        const [row] = await shop.sql`
        select count(*) filter (where o.status = 'paid')::int as revived,
          (select count(*)::int from lapse.refunds where status = 'succeeded') as refunded
        from lapse.orders o`;
        return row!.revived + row!.refunded === LATE;
      },
      "all money is dealt with",
      120,
    );
    const [row] = await shop.sql`select count(*)::int as n from lapse.orders where status = 'paid'`;
    assert.equal(row!.n, LATE / 2);
    assert.equal((await shop.stockOf()).onHand, (await shop.stockOf()).reserved);
    const refunded = shop.stripe.refunds().map(({ payment_intent }) => payment_intent);
    assert.equal(new Set(refunded).size, LATE / 2);
    assert.equal(refunded.length, LATE / 2);
  });
});

Deno.test("the webhook dies at any moment of a revival, and the order is revived once", async () => {
  await withRefunds(async (shop) => {
    await shop.sql`update lapse.settings set late_payments = 'revive_or_alert'`;
    const { onHand } = await shop.stockOf();
    const orders = await shop.placeUnpaidOrders(12);
    for (let n = 0; n < 2; n++) await shop.run();
    shop.stripe.setLatency({ latencyMs: 20 });
    for (const [n, order] of orders.entries()) {
      const late = shop.leaveIntent(order);
      await shop.stripe.customer({ id: late, verb: "confirm_ok" });
      await new Promise((done) => setTimeout(done, n * 6));
      await shop.stack.functions.kill("lapse-webhook");
    }
    await shop.stripe.webhooksSettled();
    // Events whose redeliveries are used up are resent manually.
    for (const { id, type } of shop.stripe.events()) {
      if (type === "payment_intent.succeeded") await shop.stripe.resendEvent({ id });
    }
    const statuses = await shop.sql`select status, reason, count(*)::int as n from lapse.orders group by 1, 2`;
    assert.deepEqual(statuses.map((it) => ({ ...it })), [{ status: "paid", reason: "revived", n: 12 }]);
    assert.deepEqual((await shop.stockOf()).onHand, onHand - 12);
  });
});
