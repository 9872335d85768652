import assert from "node:assert/strict";
import * as hosted from "../../examples/checkout/checkout-session.ts";
import { handleEvent } from "../../examples/checkout/own-webhook.ts";
import * as own from "../../examples/checkout/payment-intent.ts";
import { type Backend, openBackend, placeOrder } from "../../examples/checkout/shop.ts";
import { type Shop, withShop } from "./support.ts";

function backendOf({ stack }: Shop): Backend {
  const variables: Record<string, string> = {
    API_URL: stack.apiUrl,
    SECRET_KEY: stack.secretKey,
    STRIPE_API_BASE: stack.stripeApiBase,
  };
  return openBackend((name) => variables[name]);
}

const paymentOf = async ({ sql }: Shop, order: string) =>
  (await sql<{ id: string }[]>`select stripe_id as id from lapse.payments where ref = ${order}`)[0]!.id;

const checkouts = [
  { name: "a PaymentIntent", startPayment: own.startPayment, verb: "confirm_ok", opens: /^pi_\w+_secret_/ },
  { name: "a Checkout Session", startPayment: hosted.startPayment, verb: "confirm_session", opens: /^https:/ },
] as const;

for (const { name, startPayment, verb, opens } of checkouts) {
  Deno.test(`the checkout with ${name} is settled by Lapse's webhook alone`, async () => {
    await withShop({ webhook: true }, async (shop) => {
      const backend = backendOf(shop);
      const order = await placeOrder(backend);
      assert.match((await startPayment(backend, order))!, opens);
      await shop.stripe.customer({ id: await paymentOf(shop, order.id), verb });
      await shop.stripe.webhooksSettled();
      assert.equal(await shop.shopStatusOf(order.id), "paid");
      assert.deepEqual(await shop.openAlerts(), []);
    });
  });

  Deno.test(`the checkout with ${name} cancels its payment if the order is closed`, async () => {
    await withShop({}, async (shop) => {
      const backend = backendOf(shop);
      const order = await placeOrder(backend);
      await shop.close(order.id, "expired");
      assert.equal(await startPayment(backend, order), null);
      const left = [...shop.stripe.paymentIntents(), ...shop.stripe.checkoutSessions()].map(({ status }) => status);
      assert.deepEqual(left.filter((status) => status !== "canceled" && status !== "expired"), []);
      assert.equal(left.length, 1);
    });
  });
}

Deno.test("the shop's own webhook settles an order once, whether the session or its intent is reported first", async () => {
  for (const reversed of [false, true]) {
    await withShop({}, async (shop) => {
      const backend = backendOf(shop);
      const secret = "whsec_of_the_shop";
      const answers: string[] = [];
      const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async (request) => {
        const response = await handleEvent(request, backend, secret);
        answers.push(await response.clone().text());
        return response;
      });
      try {
        shop.stripe.setWebhook({ url: `http://127.0.0.1:${server.addr.port}`, secret, dropProbability: 1 });
        const order = await placeOrder(backend);
        await hosted.startPayment(backend, order);
        await shop.stripe.customer({ id: await paymentOf(shop, order.id), verb: "confirm_session" });
        const events = shop.stripe.events().filter(({ type }) => type !== "payment_intent.created");
        for (const { id } of reversed ? events.toReversed() : events) await shop.stripe.resendEvent({ id });
        assert.deepEqual(answers.toSorted(), ["Nothing to do", "paid"]);
        assert.deepEqual(await shop.openAlerts(), []);
        assert.equal(await shop.shopStatusOf(order.id), "paid");

        const { addr: { port } } = server;
        const unsigned = await fetch(`http://127.0.0.1:${port}`, { method: "POST", body: "{}" });
        assert.equal(unsigned.status, 400);
        await unsigned.body?.cancel();
      } finally {
        await server.shutdown();
      }
    });
  }
});
