import assert from "node:assert/strict";
import { type Shop, withShop } from "./support.ts";

// The shop keeps writing to its own tables, and the ledger follows its decisions.

Deno.test("an order that the shop marked paid stays paid with its stock sold, and its open payment is cancelled", async () => {
  await withShop({}, async (shop) => {
    const [cash, claimed] = [await shop.placeOrder(), await shop.placeOrder()];
    const intents = [await shop.addIntent(cash), await shop.addIntent(claimed)];
    // A run that has taken it died; the next one would find it due.
    await shop.sql`update lapse.orders set status = 'expiring', run_id = gen_random_uuid() where ref = ${claimed}`;
    for (const id of [cash, claimed]) await shop.close(id, "paid");
    await shop.lapseClaims();
    await shop.run();
    await shop.dueNow();
    await shop.run();
    for (const id of [cash, claimed]) {
      const { status, reason } = await shop.orderOf(id);
      assert.deepEqual([status, reason, await shop.shopStatusOf(id)], ["paid", "closed_by_shop", "paid"]);
    }
    assert.deepEqual(await shop.stockOf(), { onHand: 99_996, reserved: 0 });
    assert.deepEqual(shop.stripe.countIntents(), { canceled: 2 }, `of ${intents}`);
    const [row] = await shop.sql`
      select count(*) filter (where outcome in ('paid', 'expired'))::int as closed, sum(units_released)::int as units from lapse.decisions`;
    assert.deepEqual({ ...row }, { closed: 0, units: 0 });
  });
});

Deno.test("if the shop cancels an order with an open payment, the payment is cancelled and nothing changes in the shop", async () => {
  await withShop({}, async (shop) => {
    const [due, early] = [await shop.placeOrder(), await shop.placeOrder({ minutesAgo: 5 })];
    await shop.addIntent(due);
    await shop.addSession(early);
    for (const id of [due, early]) await shop.close(id, "expired");
    assert.deepEqual(await shop.stockOf(), { onHand: 100_000, reserved: 0 });
    await shop.run();
    await shop.dueNow();
    await shop.run();
    for (const id of [due, early]) {
      assert.deepEqual([(await shop.orderOf(id)).status, await shop.shopStatusOf(id)], ["expired", "expired"]);
    }
    assert.deepEqual(shop.stripe.countIntents({ status: "canceled" }), { canceled: 1 });
    assert.equal(shop.stripe.checkoutSessions({ orderId: early })[0]!.status, "expired");
    assert.deepEqual(await shop.stockOf(), { onHand: 100_000, reserved: 0 });
    const [row] = await shop.sql`select coalesce(sum(units_released), 0)::int as units from lapse.decisions`;
    assert.equal(row!.units, 0);
  });
});

Deno.test("money for an order that the shop cancelled is reported as a late payment, and the order stays cancelled", async () => {
  await withShop({}, async (shop) => {
    const [reported, found] = [await shop.placeOrder(), await shop.placeOrder()];
    const first = await shop.addIntent(reported, { status: "succeeded" });
    await shop.addIntent(found, { status: "succeeded" });
    for (const id of [reported, found]) await shop.close(id, "expired");
    assert.equal(await shop.markPaid(reported, first), "late_payment");
    await shop.run();
    await shop.dueNow();
    await shop.run();
    assert.deepEqual(
      (await shop.openAlerts()).sort(),
      [reported, found].map((id) => `critical late_payment:${id}`).sort(),
    );
    for (const id of [reported, found]) assert.equal(await shop.shopStatusOf(id), "expired");
  });
});

Deno.test("Stripe's report about an order that the shop already marked paid is not a second payment", async () => {
  await withShop({}, async (shop) => {
    const id = await shop.placeOrder();
    const intent = await shop.addIntent(id, { status: "succeeded" });
    await shop.close(id, "paid");
    assert.equal(await shop.markPaid(id, intent), "already_paid");
    await shop.run();
    assert.deepEqual(await shop.openAlerts(), []);
    assert.equal((await shop.paymentOf(intent)).state, "paid");
  });
});

Deno.test("an order that the shop closed is followed, even without a trigger", async () => {
  await withShop({}, async (shop) => {
    const orders = {
      "paid without a payment": { id: await shop.placeOrder(), status: "paid" as const },
      "cancelled without a payment": { id: await shop.placeOrder(), status: "expired" as const },
      "paid with a payment": { id: await shop.placeOrder(), status: "paid" as const },
      "cancelled with a payment": { id: await shop.placeOrder(), status: "expired" as const },
    };
    for (const [name, { id }] of Object.entries(orders)) if (name.endsWith("with a payment")) await shop.addIntent(id);
    await shop.sql`select lapse.fold_inbox(p_refs => null, p_limit => 100, p_now => now())`;
    await shop.sql`alter table public.orders disable trigger user`;
    for (const { id, status } of Object.values(orders)) await shop.close(id, status);
    await shop.sql`alter table public.orders enable trigger user`;
    // A run cancels the payments of the others, and notices by itself.
    const drift = await shop.sql<{ ref: string }[]>`select ref from lapse.drift()`;
    const withoutPayment = Object.entries(orders).filter(([name]) => name.endsWith("without a payment"));
    assert.deepEqual(drift.map(({ ref }) => ref).sort(), withoutPayment.map(([, { id }]) => id).sort());

    for (let ticks = 0; ticks < 3; ticks++) {
      await shop.dueNow();
      await shop.run();
    }
    for (const [name, { id, status }] of Object.entries(orders)) {
      assert.deepEqual([(await shop.orderOf(id)).status, await shop.shopStatusOf(id)], [status, status], name);
    }
    assert.equal((await shop.sql`select from lapse.drift()`).length, 0);
    assert.deepEqual(await shop.stockOf(), { onHand: 99_996, reserved: 0 });
  });
});

Deno.test("the second open payment of an order that a webhook paid is cancelled by the next tick", async () => {
  await withShop({}, async (shop) => {
    const id = await shop.placeOrder({ minutesAgo: 1 });
    const [paid, open, session] = [
      await shop.addIntent(id, { status: "succeeded" }),
      await shop.addIntent(id),
      await shop.addSession(id),
    ];
    assert.equal(await shop.markPaid(id, paid), "paid");
    const report = await shop.run();
    assert.deepEqual([report.paymentIntentsCanceled, report.checkoutSessionsExpired], [1, 1]);
    assert.equal(shop.stripe.paymentIntent({ id: open }).status, "canceled");
    assert.equal(shop.stripe.checkoutSession({ id: session }).status, "expired");
    assert.deepEqual(await shop.openAlerts(), []);
  });
});

Deno.test("an order that the shop deleted is closed, and its payment cancelled", async () => {
  await withShop({}, async (shop) => {
    const [bare, payable] = [await shop.placeOrder(), await shop.placeOrder()];
    const intent = await shop.addIntent(payable);
    for (const id of [bare, payable]) {
      await shop.sql.begin(async (sql) => {
        await sql`
          with gone as (delete from public.stock_reservations where order_id = ${id} returning sku, quantity)
          update public.inventory i set reserved = reserved - g.quantity from gone g where i.sku = g.sku`;
        await sql`delete from public.orders where id = ${id}`;
      });
    }
    for (let ticks = 0; ticks < 2; ticks++) {
      await shop.run();
      await shop.dueNow();
    }
    assert.deepEqual([(await shop.orderOf(bare)).status, (await shop.orderOf(payable)).status], ["expired", "expired"]);
    assert.equal(shop.stripe.paymentIntent({ id: intent }).status, "canceled");
    assert.equal((await shop.sql`select from lapse.drift()`).length, 0);
  });
});

Deno.test("an order that Lapse does not know is adopted and settled like any other", async () => {
  await withShop({}, async (shop) => {
    await shop.sql`alter table public.orders disable trigger user`;
    const [unheard, paid, attached] = [await shop.placeOrder(), await shop.placeOrder(), await shop.placeOrder()];
    await shop.sql`alter table public.orders enable trigger user`;
    shop.leaveIntent(paid, { status: "succeeded" });
    const intent = await shop.addIntent(attached);
    assert.equal((await shop.sql`select from lapse.drift()`).length, 2, "an attachment adopts its order");
    await shop.sql`select lapse.adopt_orders(p_limit => 100)`;
    assert.equal((await shop.sql`select from lapse.drift()`).length, 0);
    await shop.run();
    assert.deepEqual(
      [(await shop.orderOf(unheard)).status, (await shop.orderOf(paid)).status, (await shop.orderOf(attached)).status],
      ["expired", "paid", "expired"],
    );
    assert.equal(shop.stripe.paymentIntent({ id: intent }).status, "canceled");
  });
});

Deno.test("a payment in the ledger cannot be deleted, because its order would look unpaid", async () => {
  await withShop({}, async (shop) => {
    const id = await shop.placeOrder();
    const intent = await shop.addIntent(id, { status: "succeeded" });
    await assert.rejects(shop.sql`delete from lapse.payments where stripe_id = ${intent}`, { code: "23001" });
    await shop.run();
    assert.equal((await shop.orderOf(id)).status, "paid");
  });
});

Deno.test("an inbox entry that Lapse cannot interpret breaks nothing in the shop, and an alert names it", async () => {
  await withShop({}, async (shop) => {
    await shop.sql.unsafe(`
      create table public.noted_payments (order_id text, payment text);
      create trigger lapse_attaches after insert on public.noted_payments
        for each row execute function lapse.tg_attach('order_id', 'payment');
    `).simple();
    const id = await shop.placeOrder();
    const intent = shop.leaveIntent(id);
    await shop
      .sql`insert into public.noted_payments values (${id}, ${intent}), (${id}, 'seti_123'), (${id}, null), (null, ${intent})`;
    const report = await shop.run();
    assert.equal(report.error, null);
    assert.equal((await shop.orderOf(id)).status, "expired");
    const errors = await shop.sql`select error from lapse.inbox`;
    assert.ok(errors.length >= 1 && errors.every(({ error }) => error !== null));
    await shop.sql`call lapse.watch(now())`;
    assert.ok((await shop.openAlerts()).some((line) => line.includes("inbox")), String(await shop.openAlerts()));
  });
});

Deno.test("a payment recorded by a customer's role counts only if its metadata names the order", async () => {
  await withShop({}, async (shop) => {
    await noteAsCustomer(shop);
    const [own, foreign, nobodys] = [await shop.placeOrder(), await shop.placeOrder(), await shop.placeOrder()];
    const payments = {
      [own]: shop.leaveIntent(own),
      // A stranger's payment, noted by a customer who wants it gone, or wants to be taken for a payer.
      [foreign]: shop.leaveIntent(crypto.randomUUID(), { status: "succeeded" }),
      [nobodys]: shop.leaveIntent(nobodys, { metadata: {} }),
    };
    await shop.sql.begin(async (sql) => {
      await sql`set local role authenticated`;
      for (const [id, payment] of Object.entries(payments)) {
        await sql`insert into public.noted_payments (order_id, payment) values (${id}, ${payment})`;
      }
    });
    await shop.run();
    assert.equal((await shop.orderOf(own)).status, "expired");
    for (const id of [foreign, nobodys]) {
      const { status, reason } = await shop.orderOf(id);
      assert.deepEqual([status, reason], ["quarantined", "foreign_payment"]);
    }
    assert.equal(shop.stripe.paymentIntent({ id: payments[nobodys]! }).status, "requires_payment_method");
  });
});

/** A shop whose customers write the payment's id themselves, as some do over REST. */
async function noteAsCustomer({ sql }: Shop): Promise<void> {
  await sql.unsafe(`
    create table public.noted_payments (order_id text, payment text);
    grant insert on public.noted_payments to authenticated;
    create trigger lapse_attaches after insert on public.noted_payments
      for each row execute function lapse.tg_attach('order_id', 'payment');
  `).simple();
}
