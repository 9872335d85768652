import assert from "node:assert/strict";
import { eventually, type Shop, withShop } from "../integration/support.ts";
import { lengthOf, report } from "./support/length.ts";

const SECONDS = lengthOf({ bounded: 3, long: 60 });
const PER_SECOND = 20;

Deno.test(`${PER_SECOND} events a second for ${SECONDS} seconds are all accepted, and the next runs settle the rest`, async () => {
  await withShop({ webhook: true }, async (shop) => {
    // On a busy machine the function may take longer to start than Stripe waits.
    const forged = { name: "lapse-webhook", headers: { "stripe-signature": "t=1,v1=0" } };
    await eventually(async () => (await shop.post({}, forged)).status === 401, "the function has started", 120);
    const url = `${shop.stack.apiUrl}/functions/v1/lapse-webhook`;
    shop.stripe.setWebhook({ url, secret: shop.stack.stripeWebhookSecret, attempts: 30, retryDelayMs: 200 });
    const alone = [];
    for (let n = 0; n < 5; n++) alone.push(await payOne(shop));

    const orders = await shop.placeUnpaidOrders(SECONDS * PER_SECOND);
    const intents = shop.stripe.paymentIntents({ status: "requires_payment_method" }).map(({ id }) => id);
    const before = shop.stripe.webhookDeliveries().length;
    const started = performance.now();
    for (const [n, id] of intents.entries()) {
      const ahead = n * 1_000 / PER_SECOND - (performance.now() - started);
      if (ahead > 0) await new Promise((resolve) => setTimeout(resolve, ahead));
      assert.ok((await shop.stripe.customer({ id, verb: "confirm_ok" })).accepted);
    }
    const paying = performance.now() - started;
    await shop.stripe.webhooksSettled();
    const answering = performance.now() - started;

    const said = shop.stripe.webhookDeliveries().slice(before);
    assert.deepEqual(said.filter(({ status }) => status !== 200 && status !== null), [], "no error is answered");
    const taken = new Set(said.filter(({ status }) => status === 200).map(({ event }) => event));
    assert.equal(taken.size, orders.length, "every event is taken");
    const count = async (status: string) =>
      (await shop.sql`select count(*)::int as n from lapse.orders where status = ${status}`)[0]!.n as number;
    const atOnce = await count("paid") - alone.length;
    report(
      `${orders.length} events in ${Math.round(paying)} ms, all answered after ${Math.round(answering)} ms, ` +
        `${
          said.length - taken.size
        } repeated; ${atOnce} orders were settled at once. One payment alone settled its order in ${
          alone.map(Math.round).join(", ")
        } ms`,
    );
    await eventually(
      async () => {
        await shop.dueNow();
        await shop.run({ releaseBrake: true, reason: "test" });
        return await count("paid") === orders.length + alone.length;
      },
      "the runs have settled the rest",
      120,
    );
  });
});

/** A customer pays while nothing is scheduled. Answers after how many milliseconds the order was paid. */
async function payOne(shop: Shop): Promise<number> {
  const order = await shop.placeOrder({ expiresInMinutes: 30 });
  const id = await shop.addIntent(order);
  const started = performance.now();
  await shop.stripe.customer({ id, verb: "confirm_ok" });
  await eventually(async () => (await shop.orderOf(order)).status === "paid", "the order is paid", 120);
  return performance.now() - started;
}
