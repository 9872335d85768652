import assert from "node:assert/strict";
import { type Shop, withShop } from "./support.ts";

// A payment that the shop never attached can still be paid. A run reads Stripe's lists before it closes anything.

const LISTS = ["payment_intents.list", "checkout.sessions.list"] as const;

function callsToLists({ stripe }: Shop, since = 0): number[] {
  return LISTS.map((endpoint) => stripe.countCalls({ endpoint, since }));
}

Deno.test("unattached payments are found in the lists: paid ones pay their order, open ones are cancelled first", async () => {
  await withShop({}, async (shop) => {
    const orders = {
      "a paid intent": { ref: await shop.placeOrder(), becomes: "paid" },
      "a paid session": { ref: await shop.placeOrder(), becomes: "paid" },
      "an open intent": { ref: await shop.placeOrder(), becomes: "expired" },
      "an open session": { ref: await shop.placeOrder(), becomes: "expired" },
      "a debit under way": { ref: await shop.placeOrder(), becomes: "pending" },
      "one attached and open, one not and paid": { ref: await shop.placeOrder(), becomes: "paid" },
      "a session that names it as client_reference_id": { ref: await shop.placeOrder(), becomes: "paid" },
      "no payment at all": { ref: await shop.placeOrder(), becomes: "expired" },
    };
    shop.leaveIntent(orders["a paid intent"].ref, { status: "succeeded" });
    shop.leaveSession(orders["a paid session"].ref, { status: "complete" });
    const open = shop.leaveIntent(orders["an open intent"].ref);
    const session = shop.leaveSession(orders["an open session"].ref);
    shop.leaveIntent(orders["a debit under way"].ref, { status: "processing" });
    const attached = await shop.addIntent(orders["one attached and open, one not and paid"].ref);
    shop.leaveIntent(orders["one attached and open, one not and paid"].ref, { status: "succeeded" });
    const { ref } = orders["a session that names it as client_reference_id"];
    shop.leaveSession(ref, { status: "complete", metadata: {}, clientReferenceId: ref });

    const report = await shop.run();
    assert.equal(report.error, null);
    for (const [name, { ref, becomes }] of Object.entries(orders)) {
      assert.equal((await shop.orderOf(ref)).status, becomes, name);
    }
    assert.equal(shop.stripe.paymentIntent({ id: open }).status, "canceled");
    assert.equal(shop.stripe.paymentIntent({ id: attached }).status, "canceled");
    assert.equal(shop.stripe.checkoutSession({ id: session }).status, "expired");
    assert.equal((await shop.paymentOf(open)).source, "list");
  });
});

for (const first of ["expire-stale-orders", "cleanup-stale-payment-intents"] as const) {
  Deno.test(`an unattached intent beside an open session belongs to its order, also when ${first} finds it first`, async () => {
    await withShop({}, async (shop) => {
      const [paid, unpaid] = [await shop.placeOrder(), await shop.placeOrder()];
      const sessions = [await shop.addSession(paid), await shop.addSession(unpaid)];
      shop.leaveIntent(paid, { status: "succeeded" });
      const open = shop.leaveIntent(unpaid);

      await shop.run({}, first);
      for (let run = 0; run < 2; run++) {
        await shop.dueNow();
        await shop.run();
      }
      assert.deepEqual([await shop.shopStatusOf(paid), await shop.shopStatusOf(unpaid)], ["paid", "expired"]);
      assert.equal(shop.stripe.paymentIntent({ id: open }).status, "canceled");
      for (const id of sessions) assert.equal(shop.stripe.checkoutSession({ id }).status, "expired");
      assert.deepEqual(await shop.openAlerts(), []);
    });
  });
}

Deno.test("without due orders no list is read, and no window is read twice", async () => {
  await withShop({}, async (shop) => {
    await shop.addIntent(await shop.placeOrder({ minutesAgo: 1 }));
    const idle = await shop.run();
    assert.deepEqual([idle.status, idle.stripeCalls, shop.stripe.mark()], ["succeeded", 0, 0]);

    await shop.placeUnpaidOrders(3);
    await shop.run();
    const first = shop.stripe.calls({ endpoint: LISTS[0] });
    assert.ok(first.length > 0);
    const [cursor] = await shop.sql`select read_from, read_to from lapse.list_cursors where list = 'payment_intents'`;
    assert.ok(cursor!.read_to.getTime() <= Date.now() - 60_000, "Stripe's own time, less a minute");
    assert.ok(cursor!.read_to.getTime() > Date.now() - 5 * 60_000);

    // A later order in the same stretch of time needs no further reading.
    await shop.placeUnpaidOrders(3);
    const mark = shop.stripe.mark();
    assert.equal((await shop.run()).ordersExpired, 3);
    assert.deepEqual(callsToLists(shop, mark), [0, 0]);
  });
});

Deno.test("a long list is read in windows, all pages of each, and the payment on the last page is found", async () => {
  await withShop({}, async (shop) => {
    const minutesAgo = 20 * 24 * 60;
    const orderId = await shop.placeOrder({ minutesAgo });
    const placedAt = Math.floor(Date.now() / 1_000) - minutesAgo * 60;
    // Of others, before and after the one that counts.
    shop.stripe.createPaymentIntents([{ count: 250, created: placedAt, createdStep: 60, metadata: {} }]);
    shop.leaveIntent(orderId, { created: placedAt + 1, status: "succeeded" });
    shop.stripe.createPaymentIntents([{ count: 250, created: placedAt + 5 * 86_400, createdStep: 60, metadata: {} }]);
    assert.equal((await shop.run()).ordersPaid, 1);
    assert.ok(callsToLists(shop)[0]! >= 6, "six pages at least");
    const [row] = await shop.sql`select count(*)::int as n from lapse.payments`;
    assert.equal(row!.n, 1, "payments of others are not recorded");
  });
});

Deno.test("while the list cannot be read, orders with and without payments wait, and an alert says why", async () => {
  await withShop({}, async (shop) => {
    const [bare, paid, attached] = [await shop.placeOrder(), await shop.placeOrder(), await shop.placeOrder()];
    shop.leaveIntent(paid, { status: "succeeded" });
    const intent = await shop.addIntent(attached);
    shop.stripe.addFault({ kind: "error_500", endpoint: "payment_intents.list" });
    const report = await shop.run();
    assert.notEqual(report.status, "succeeded");
    for (const id of [bare, paid, attached]) {
      const { status, failures } = await shop.orderOf(id);
      assert.deepEqual([status, failures], ["pending", 0], "nobody is blamed for it");
    }
    assert.equal(shop.stripe.paymentIntent({ id: intent }).status, "requires_payment_method");
    const [cursor] = await shop.sql`select failing_since, error from lapse.list_cursors where list = 'payment_intents'`;
    assert.ok(cursor!.failing_since instanceof Date && cursor!.error, "since when, and why");

    await shop
      .sql`update lapse.list_cursors set failing_since = now() - interval '1 hour' where failing_since is not null`;
    await shop.sql`call lapse.watch(now())`;
    assert.ok((await shop.openAlerts()).some((line) => line.includes("list_unread")), String(await shop.openAlerts()));

    shop.stripe.clearFaults();
    const after = await shop.run();
    assert.deepEqual([after.ordersPaid, after.ordersExpired], [1, 2]);
    await shop.sql`call lapse.watch(now())`;
    assert.ok(!(await shop.openAlerts()).some((line) => line.includes("list_unread")));
  });
});

Deno.test("each account has its own list, and an unreadable list delays only that account's orders", async () => {
  const account = "acct_seller";
  await withShop({ simulator: { preset: "unlimited", connectedAccounts: [account] } }, async (shop) => {
    const [own, sellers, third] = [await shop.placeOrder(), await shop.placeOrder(), await shop.placeOrder()];
    for (const id of [sellers, third]) {
      await shop
        .sql`select public.lapse_watch_order(p_ref => ${id}, p_amount => 2000, p_currency => 'eur', p_account => ${account})`;
    }
    shop.leaveIntent(third, { account, status: "succeeded" });
    shop.stripe.addFault({ kind: "error_500", endpoint: "payment_intents.list", account });
    await shop.run();
    assert.deepEqual([(await shop.orderOf(own)).status, (await shop.orderOf(sellers)).status], ["expired", "pending"]);
    shop.stripe.clearFaults();
    await shop.run();
    assert.deepEqual([(await shop.orderOf(sellers)).status, (await shop.orderOf(third)).status], ["expired", "paid"]);
  });
});

Deno.test("a payment that names an order the shop does not have yet is kept under that ref and counts once the order is watched", async () => {
  await withShop({}, async (shop) => {
    const id = crypto.randomUUID();
    const early = shop.leaveIntent(id, { status: "succeeded" });
    await shop.placeUnpaidOrders(1);
    await shop.run();
    assert.equal((await shop.orderOf(id)).status, "unknown");
    assert.equal((await shop.paymentOf(early)).state, "open");

    await shop.sql`
      select public.place_order(p_currency => 'eur', p_amount => 2000, p_items => '[{"sku": "tea", "quantity": 1}]', p_order_id => ${id},
        p_now => now() - interval '50 minutes')`;
    assert.equal((await shop.run()).ordersPaid, 1);
    assert.deepEqual([(await shop.orderOf(id)).status, await shop.shopStatusOf(id)], ["paid", "paid"]);
  });
});

Deno.test("an order placed before the lists begin is quarantined at adoption, as nobody can know its payments", async () => {
  await withShop({}, async (shop) => {
    await shop.sql`alter table public.orders disable trigger user`;
    const [old, young] = [await shop.placeOrder({ minutesAgo: 91 * 24 * 60 }), await shop.placeOrder()];
    await shop.sql`alter table public.orders enable trigger user`;
    const [row] = await shop.sql`select lapse.adopt_orders(p_limit => 100) as n`;
    assert.equal(row!.n, 2);
    const { status, reason } = await shop.orderOf(old);
    assert.deepEqual([status, reason], ["quarantined", "older_than_list"]);
    await shop.run();
    assert.deepEqual([(await shop.orderOf(young)).status, await shop.shopStatusOf(old)], ["expired", "pending"]);
  });
});
