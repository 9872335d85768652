import assert from "node:assert/strict";
import { eventually, type Shop, withShop } from "./support.ts";

/** Runs the job and acts while the run waits for Stripe's answer to the nth call of an endpoint. */
async function actDuring(
  shop: Shop,
  endpoint: "payment_intents.retrieve" | "payment_intents.cancel",
  act: () => Promise<unknown>,
) {
  shop.stripe.addFault({ kind: "delay", endpoint, delayMs: 400 });
  const run = shop.run();
  await eventually(() => shop.stripe.countCalls({ endpoint }) > 0, `${endpoint} is called`);
  await act();
  return await run;
}

Deno.test("the customer pays between inspection and cancel: the order is paid and its stock sold", async () => {
  await withShop({}, async (shop) => {
    const orderId = await shop.placeOrder();
    const intent = await shop.addIntent(orderId);
    const report = await actDuring(shop, "payment_intents.cancel", async () => {
      const { accepted } = await shop.stripe.customer({ id: intent, verb: "confirm_ok" });
      assert.ok(accepted);
    });
    assert.equal(report.ordersPaid, 1);
    assert.equal((await shop.orderOf(orderId)).status, "paid");
  });
});

Deno.test("if the webhook settles the order while the run asks Stripe, the run leaves it alone", async () => {
  await withShop({}, async (shop) => {
    const orderId = await shop.placeOrder();
    const intent = await shop.addIntent(orderId);
    await actDuring(shop, "payment_intents.retrieve", async () => {
      await shop.stripe.customer({ id: intent, verb: "confirm_ok" });
      assert.equal(await shop.markPaid(orderId, intent), "paid");
    });
    assert.equal((await shop.orderOf(orderId)).status, "paid");
    const [row] = await shop.sql`select count(*)::int as n from lapse.decisions where subject = 'order'`;
    assert.equal(row!.n, 0);
  });
});

Deno.test("the checkout attaches another payment while the order is expiring: it is refused", async () => {
  await withShop({}, async (shop) => {
    const orderId = await shop.placeOrder();
    await shop.addIntent(orderId);
    await actDuring(shop, "payment_intents.retrieve", async () => {
      await assert.rejects(shop.addIntent(orderId), { code: "PT409" });
    });
    assert.equal((await shop.orderOf(orderId)).status, "expired");
  });
});

Deno.test("the shop raises the amount while a run finds the order paid: the money is compared again", async () => {
  await withShop({}, async (shop) => {
    const orderId = await shop.placeOrder();
    const intent = await shop.addIntent(orderId);
    await shop.stripe.customer({ id: intent, verb: "confirm_ok" });
    await actDuring(
      shop,
      "payment_intents.retrieve",
      () => shop.sql`update public.orders set amount = amount + 500 where id::text = ${orderId}`,
    );
    assert.notEqual((await shop.orderOf(orderId)).status, "paid");
    await shop.run();
    const { status, reason } = await shop.orderOf(orderId);
    assert.deepEqual([status, reason], ["quarantined", "amount_mismatch"], "500 are missing, so a person decides");
  });
});

Deno.test("an order paid by two payments is paid once, both are recorded, and an alert says so", async () => {
  await withShop({}, async (shop) => {
    const orderId = await shop.placeOrder();
    await shop.addIntent(orderId, { status: "succeeded" });
    await shop.addIntent(orderId, { status: "succeeded" });
    await shop.run();
    const { status, reason } = await shop.orderOf(orderId);
    assert.deepEqual([status, reason], ["paid", "paid_twice"]);
    assert.deepEqual(await shop.openAlerts(), [`critical paid_twice:${orderId}`]);
  });
});

Deno.test("the still open sibling of a paid payment is cancelled, so that nobody pays twice", async () => {
  await withShop({}, async (shop) => {
    const orderId = await shop.placeOrder();
    const open = await shop.addIntent(orderId);
    const session = await shop.addSession(orderId);
    await shop.addIntent(orderId, { status: "succeeded" });
    const report = await shop.run();
    assert.deepEqual([report.ordersPaid, report.paymentIntentsCanceled, report.checkoutSessionsExpired], [1, 1, 1]);
    assert.equal(shop.stripe.paymentIntent({ id: open }).status, "canceled");
    assert.equal(shop.stripe.checkoutSession({ id: session }).status, "expired");
  });
});

Deno.test("while one payment is processing, its siblings are left alone and the order stays open", async () => {
  await withShop({}, async (shop) => {
    const orderId = await shop.placeOrder();
    const open = await shop.addIntent(orderId);
    await shop.addIntent(orderId, { status: "processing" });
    const report = await shop.run();
    assert.equal(report.ordersWaiting, 1);
    assert.equal(shop.stripe.paymentIntent({ id: open }).status, "requires_payment_method");
  });
});

Deno.test("a customer found in 3-D Secure gets one grace, and only one", async () => {
  await withShop({}, async (shop) => {
    const orderId = await shop.placeOrder();
    const intent = await shop.addIntent(orderId, { status: "requires_action", nextAction: "use_stripe_sdk" });
    assert.equal((await shop.run()).ordersWaiting, 1);
    const { nextCheckAt } = await shop.orderOf(orderId);
    const minutes = (nextCheckAt!.getTime() - Date.now()) / 60_000;
    assert.ok(minutes > 4 && minutes <= 6, `${minutes} minutes of grace`);

    // Another payment in 3-D Secure brings no second one: the grace is the order's.
    await shop.addIntent(orderId, { status: "requires_action", nextAction: "redirect_to_url" });
    await shop.dueNow();
    const report = await shop.run();
    assert.deepEqual([report.ordersExpired, report.paymentIntentsCanceled], [1, 2]);
    assert.equal(shop.stripe.paymentIntent({ id: intent }).status, "canceled");
  });
});

Deno.test("a deadline that the shop moves while a run holds the order is followed: the order is handed back and stays open", async () => {
  await withShop({}, async (shop) => {
    const orderId = await shop.placeOrder();
    const intent = await shop.addIntent(orderId);
    await actDuring(
      shop,
      "payment_intents.retrieve",
      () => shop.sql`update public.orders set expires_at = now() + interval '1 hour' where id = ${orderId}`,
    );
    const { status, nextCheckAt, failures } = await shop.orderOf(orderId);
    assert.deepEqual([status, failures, await shop.shopStatusOf(orderId)], ["pending", 0, "pending"]);
    assert.ok(nextCheckAt!.getTime() > Date.now() + 50 * 60_000);
    // What was cancelled by then is dead and recorded so.
    const { status: atStripe } = shop.stripe.paymentIntent({ id: intent });
    assert.equal((await shop.paymentOf(intent)).state, atStripe === "canceled" ? "dead" : "open");
  });
});

Deno.test("a payment that the checkout notes by trigger while a run asks Stripe keeps the order open, and is inspected next", async () => {
  await withShop({}, async (shop) => {
    await noteByTrigger(shop);
    const orderId = await shop.placeOrder();
    await shop.addIntent(orderId);
    const late = shop.leaveIntent(orderId, { metadata: {} });
    const report = await actDuring(
      shop,
      "payment_intents.cancel",
      () => shop.sql`insert into public.noted_payments (order_id, payment) values (${orderId}, ${late})`,
    );
    assert.equal(report.ordersExpired, 0);
    assert.equal((await shop.orderOf(orderId)).status, "pending");
    await shop.dueNow();
    assert.equal((await shop.run()).ordersExpired, 1);
    assert.equal(shop.stripe.paymentIntent({ id: late }).status, "canceled");
  });
});

/** A shop that keeps its payments in a table of its own and lets Lapse note them by trigger. */
async function noteByTrigger({ sql }: Shop): Promise<void> {
  await sql.unsafe(`
    create table public.noted_payments (order_id uuid not null references public.orders, payment text not null);
    create trigger lapse_attaches after insert on public.noted_payments
      for each row execute function lapse.tg_attach('order_id', 'payment');
  `).simple();
}

Deno.test("a payment that an order's row names keeps it open, also while somebody else holds its ledger row", async () => {
  await withShop({}, async (shop) => {
    const ref = await shop.placeOrder();
    const record = (sql: Shop["sql"]) =>
      sql`select lapse.record_named_payments(array[${ref}], array['pi_named'], now()) as kept`;
    await shop.sql`select lapse.fold_inbox(array[${ref}])`;
    await shop.sql.begin(async (holder) => {
      await holder`select from lapse.orders where ref = ${ref} for no key update`;
      const [row] = await record(shop.sql);
      assert.deepEqual(row!.kept, [ref], "it cannot be recorded now");
      assert.deepEqual([...await shop.sql`select from lapse.payments where stripe_id = 'pi_named'`], []);
    });
    assert.deepEqual((await record(shop.sql))[0]!.kept, [ref], "it is recorded");
    assert.deepEqual((await record(shop.sql))[0]!.kept, [], "and known from then on");
  });
});
