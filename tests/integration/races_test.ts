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

Deno.test("the customer pays between the question and the cancel: the order is paid, its stock sold", async () => {
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

Deno.test("the webhook settles the order while the run asks Stripe: the run leaves it alone", async () => {
  await withShop({}, async (shop) => {
    const orderId = await shop.placeOrder();
    const intent = await shop.addIntent(orderId);
    await actDuring(shop, "payment_intents.retrieve", async () => {
      await shop.stripe.customer({ id: intent, verb: "confirm_ok" });
      const [row] = await shop
        .sql`select public.mark_order_paid(p_order_id => ${orderId}, p_stripe_id => ${intent}) as result`;
      assert.equal(row!.result, "paid");
    });
    assert.equal((await shop.orderOf(orderId)).status, "paid");
    const [row] = await shop.sql`select count(*)::int as n from public.job_decisions where subject = 'order'`;
    assert.equal(row!.n, 0);
  });
});

Deno.test("the checkout attaches another payment while the order is expiring: it is refused", async () => {
  await withShop({}, async (shop) => {
    const orderId = await shop.placeOrder();
    await shop.addIntent(orderId);
    await actDuring(shop, "payment_intents.retrieve", async () => {
      await assert.rejects(shop.addIntent(orderId), /not pending: current value is expiring/);
    });
    assert.equal((await shop.orderOf(orderId)).status, "expired");
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
    const [alert] = await shop.sql`select severity from public.job_alerts where key = ${`paid_twice:${orderId}`}`;
    assert.equal(alert!.severity, "critical");
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
    assert.ok(minutes > 4 && minutes <= 5, `${minutes} minutes of grace`);

    await shop.sql`
      with earlier as (update public.order_payments set grace_until = now() - interval '1 second' where stripe_id = ${intent})
      update public.orders set next_check_at = now() where id = ${orderId}`;
    assert.equal((await shop.run()).paymentsExpired, 1);
  });
});
