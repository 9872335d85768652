import assert from "node:assert/strict";
import { type Shop, withShop } from "./support.ts";

type Policy = "alert" | "revive_or_alert" | "revive_or_refund";

/** A shop with this policy. Its webhook is fast enough for tests. */
async function withPolicy(
  policy: Policy,
  test: (shop: Shop) => Promise<void>,
  options: Parameters<typeof withShop>[0] = {},
): Promise<void> {
  await withShop({ webhook: true, ...options }, async (shop) => {
    await shop.sql`
      update lapse.settings
      set late_payments = ${policy}, webhook_payments_per_second = 1000, refunds_per_day = 100000, refunded_per_day = 1000000000`;
    await test(shop);
  });
}

/** An order that Lapse expired, and an unattached payment of it that the customer can still make. */
async function expiredOrder(shop: Shop, quantity = 2): Promise<{ order: string; late: string }> {
  const order = await shop.placeOrder({ items: [{ sku: "tea", quantity }] });
  await shop.run();
  assert.equal((await shop.orderOf(order)).status, "expired");
  return { order, late: shop.leaveIntent(order) };
}

async function pay(shop: Shop, id: string): Promise<void> {
  assert.ok((await shop.stripe.customer({ id, verb: "confirm_ok" })).accepted);
  await shop.stripe.webhooksSettled();
}

/** The next run reads Stripe's lists of the last hours again, as if the payments in them were new. */
async function rereadLists({ sql }: Shop): Promise<void> {
  await sql`update lapse.list_cursors set read_from = read_from - interval '3 hours', read_to = now() - interval '2 hours'`;
}

const refundsOf = (shop: Shop) =>
  shop.sql<{ stripe_id: string; status: string; amount: string; error: string | null }[]>`
    select stripe_id, status, amount, error from lapse.refunds order by created_at, stripe_id`;

Deno.test("money for an expired order revives it without an alert if its stock is available", async () => {
  await withPolicy("revive_or_alert", async (shop) => {
    const before = await shop.stockOf();
    const { order, late } = await expiredOrder(shop);
    await pay(shop, late);
    assert.deepEqual([(await shop.orderOf(order)).status, (await shop.orderOf(order)).reason], ["paid", "revived"]);
    assert.equal(await shop.shopStatusOf(order), "paid");
    assert.deepEqual(await shop.stockOf(), { ...before, onHand: before.onHand - 2 });
    assert.deepEqual(await shop.openAlerts(), []);
    // Told again, by the shop's own webhook as well: nothing happens twice.
    assert.equal(await shop.markPaid(order, late, 2000), "already_paid");
    for (const { id } of shop.stripe.events()) await shop.stripe.resendEvent({ id });
    assert.deepEqual(await shop.stockOf(), { ...before, onHand: before.onHand - 2 });
  });
});

Deno.test("without stock the money is refunded once or an alert is raised, as the settings say", async () => {
  for (const policy of ["revive_or_alert", "revive_or_refund"] as const) {
    await withPolicy(policy, async (shop) => {
      const { order, late } = await expiredOrder(shop);
      await shop.sql`update public.inventory set on_hand = reserved + 1 where sku = 'tea'`;
      await pay(shop, late);
      assert.equal((await shop.orderOf(order)).status, "expired");
      if (policy === "revive_or_alert") {
        assert.deepEqual(await shop.openAlerts(), [`critical late_payment:${order}`]);
        assert.equal((await refundsOf(shop)).length, 0);
        return;
      }
      assert.deepEqual(await shop.openAlerts(), []);
      await shop.run();
      assert.deepEqual((await refundsOf(shop)).map(({ status, amount }) => [status, amount]), [["succeeded", "2000"]]);
      assert.equal(await shop.markPaid(order, late, 2000), "refunded");
      await shop.run();
      assert.deepEqual(shop.stripe.refunds().map(({ amount }) => amount), [2000]);
      assert.deepEqual(await shop.openAlerts(), []);
    });
  }
});

Deno.test("a late payment is handled whichever finds it: the webhook, the shop's own webhook, a run's list or the clean-up", async () => {
  const finders: Record<string, (shop: Shop, order: string, late: string) => Promise<unknown>> = {
    "the webhook": (shop, _, late) => pay(shop, late),
    "the shop": (shop, order, late) => {
      shop.stripe.setWebhook(null);
      return pay(shop, late).then(() => shop.markPaid(order, late, 2000));
    },
    "a run": async (shop, _, late) => {
      shop.stripe.setWebhook(null);
      await pay(shop, late);
      await shop.placeOrder({ items: [{ sku: "mug", quantity: 1 }] });
      await rereadLists(shop);
      await shop.run();
      await shop.dueNow();
      await shop.run({}, "cleanup-stale-payment-intents");
    },
  };
  for (const [finder, find] of Object.entries(finders)) {
    for (const hasStock of [true, false]) {
      await withPolicy("revive_or_refund", async (shop) => {
        const { order, late } = await expiredOrder(shop);
        if (!hasStock) await shop.sql`update public.inventory set on_hand = reserved where sku = 'tea'`;
        await find(shop, order, late);
        await shop.run();
        const what = `${finder}, ${hasStock ? "with" : "without"} stock`;
        assert.equal((await shop.orderOf(order)).status, hasStock ? "paid" : "expired", what);
        assert.equal(shop.stripe.refunds().length, hasStock ? 0 : 1, what);
        assert.deepEqual(await shop.openAlerts(), [], what);
      });
    }
  }
});

Deno.test("an order that the shop cancelled is never revived: its money is refunded", async () => {
  await withPolicy("revive_or_refund", async (shop) => {
    const order = await shop.placeOrder();
    await shop.close(order, "expired");
    await shop.run();
    const [late] = shop.stripe.createPaymentIntents([{ amount: 2000, metadata: { order_id: order } }]);
    await pay(shop, late!);
    assert.equal(await shop.shopStatusOf(order), "expired");
    await shop.run();
    assert.deepEqual(shop.stripe.refunds().map(({ payment_intent }) => payment_intent), [late]);
  });
});

Deno.test("less money than the amount revives nothing", async () => {
  await withPolicy("revive_or_alert", async (shop) => {
    const { order } = await expiredOrder(shop);
    const [half] = shop.stripe.createPaymentIntents([{ amount: 1000, metadata: { order_id: order } }]);
    await pay(shop, half!);
    assert.equal((await shop.orderOf(order)).status, "expired");
    assert.deepEqual(await shop.openAlerts(), [`critical late_payment:${order}`]);
    const [rest] = shop.stripe.createPaymentIntents([{ amount: 1000, metadata: { order_id: order } }]);
    await pay(shop, rest!);
    assert.equal((await shop.orderOf(order)).status, "paid", "two halves cover the amount");
  });
});

Deno.test("an adapter that fails or lies about a revival changes nothing, and an alert is raised", async () => {
  const adapters: Record<string, string> = {
    raises: "raise exception 'no' using errcode = 'P0001'",
    "says yes and does nothing": "return true",
    "says no and does it":
      "update public.orders set status = 'paid', expired_at = null, paid_at = now() where id = p_ref::uuid; return false",
  };
  for (const [how, body] of Object.entries(adapters)) {
    await withPolicy("revive_or_alert", async (shop) => {
      const { order, late } = await expiredOrder(shop);
      await shop.sql.unsafe(`
        create or replace function lapse_shop.revive_order(p_ref text) returns boolean language plpgsql as $$ begin ${body}; end $$`);
      await pay(shop, late);
      assert.equal(await shop.shopStatusOf(order), "expired", how);
      assert.deepEqual(
        await shop.openAlerts(),
        [`critical late_payment:${order}`, `critical revive_failed:${order}`],
        how,
      );
    });
  }
});

Deno.test("refunds beyond the daily limits wait for an operator", async () => {
  await withPolicy("revive_or_refund", async (shop) => {
    await shop.sql`update lapse.settings set refunds_per_day = 2`;
    for (let n = 0; n < 4; n++) {
      const { late } = await expiredOrder(shop);
      await shop.sql`update public.inventory set on_hand = reserved where sku = 'tea'`;
      await pay(shop, late);
      await shop.sql`update public.inventory set on_hand = 100 where sku = 'tea'`;
    }
    await shop.run();
    assert.equal(shop.stripe.refunds().length, 2);
    await shop.sql`call lapse.watch()`;
    assert.ok((await shop.openAlerts()).includes("warning refunds_held"));
    await shop
      .sql`select public.lapse_release_refunds(p_ref => null, p_reason => 'looked at', p_requested_by => 'ann')`;
    await shop.run();
    assert.equal(shop.stripe.refunds().length, 4);
    await shop.sql`call lapse.watch()`;
    assert.ok(!(await shop.openAlerts()).includes("warning refunds_held"));
  }, { unchecked: true });
});

Deno.test("a refund that a bank refuses, even weeks later, raises an alert, and an operator retries it", async () => {
  await withPolicy("revive_or_refund", async (shop) => {
    shop.stripe.setBehaviour({ refundStatus: "pending" });
    const { order, late } = await expiredOrder(shop);
    await shop.sql`update public.inventory set on_hand = reserved where sku = 'tea'`;
    await pay(shop, late);
    await shop.run();
    assert.deepEqual((await refundsOf(shop)).map(({ status }) => status), ["pending"]);
    await shop.stripe.customer({ id: late, verb: "fail_refund" });
    await shop.stripe.webhooksSettled();
    await shop.run();
    assert.deepEqual((await refundsOf(shop)).map(({ status }) => status), ["failed"]);
    assert.deepEqual(await shop.openAlerts(), [`critical refund_failed:${order}`]);

    shop.stripe.setBehaviour({ refundStatus: "succeeded" });
    await shop
      .sql`select public.lapse_release_refunds(p_ref => ${order}, p_reason => 'new card', p_requested_by => 'ann')`;
    await shop.run();
    assert.deepEqual((await refundsOf(shop)).map(({ status }) => status), ["succeeded"]);
    assert.deepEqual(await shop.openAlerts(), [], "the money is gone, and so is the alert");
  });
});

Deno.test("of two payments of a paid order, the later one is refunded if the settings say so", async () => {
  await withPolicy("alert", async (shop) => {
    await shop.sql`update lapse.settings set refund_surplus = true`;
    const order = await shop.placeOrder({ expiresInMinutes: 30 });
    const [first, second] = [await shop.addIntent(order), await shop.addIntent(order)];
    shop.stripe.setWebhook(null);
    await pay(shop, first);
    await pay(shop, second);
    await shop.markPaid(order, first, 2000);
    await shop.markPaid(order, second, 2000);
    assert.deepEqual(await shop.openAlerts(), []);
    await shop.run();
    assert.deepEqual(shop.stripe.refunds().map(({ payment_intent }) => payment_intent), [second]);
    assert.equal((await shop.orderOf(order)).status, "paid");
  });
});

Deno.test("money for an order that the shop cancelled is refunded, and nothing is left to decide", async () => {
  await withPolicy("revive_or_refund", async (shop) => {
    const order = await shop.placeOrder();
    const intent = await shop.addIntent(order);
    await shop.close(order, "expired");
    await pay(shop, intent);
    await shop.run();
    await shop.run();
    assert.deepEqual((await refundsOf(shop)).map(({ status, amount }) => [status, amount]), [["succeeded", "2000"]]);
    const { status, reason } = await shop.orderOf(order);
    assert.deepEqual([status, reason], ["expired", "closed_by_shop"]);
    await shop.sql`call lapse.watch()`;
    assert.deepEqual(await shop.openAlerts(), []);
  });
});
