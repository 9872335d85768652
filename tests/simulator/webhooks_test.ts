import assert from "node:assert/strict";
import type Stripe from "stripe";
import type { StripeControl } from "../../local/stripe-simulator/control.ts";
import { type Bench, withSimulator } from "./with-simulator.ts";

const SECRET = "whsec_simulated";
type Options = Partial<NonNullable<Parameters<StripeControl["setWebhook"]>[0]>>;

/** Runs a test with a receiver that checks every signature with the real package. */
async function withReceiver(
  options: Options,
  test: (bench: Bench, received: Stripe.Event[], answer: (status: number) => void) => Promise<void>,
): Promise<void> {
  await withSimulator({}, async (bench) => {
    const received: Stripe.Event[] = [];
    let status = 200;
    const receiver = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async (request) => {
      const signature = request.headers.get("stripe-signature")!;
      received.push(await bench.stripe.webhooks.constructEventAsync(await request.text(), signature, SECRET));
      return new Response(null, { status });
    });
    try {
      bench.control.setWebhook({ url: `http://127.0.0.1:${receiver.addr.port}`, secret: SECRET, ...options });
      await test(bench, received, (next) => status = next);
    } finally {
      bench.control.setWebhook(null);
      await bench.control.webhooksSettled();
      await receiver.shutdown();
    }
  });
}

Deno.test("events arrive signed, with the object as it was", () =>
  withReceiver({}, async ({ stripe, control }, received) => {
    const { id } = await stripe.paymentIntents.create({ amount: 500, currency: "eur" });
    await stripe.paymentIntents.cancel(id);
    await control.webhooksSettled();
    const types = received.map((event) => event.type).sort();
    assert.deepEqual(types, ["payment_intent.canceled", "payment_intent.created"]);
    const created = received.find((event) => event.type === "payment_intent.created")!;
    assert.equal((created.data.object as Stripe.PaymentIntent).status, "requires_payment_method");
    assert.equal((await stripe.events.list({ type: "payment_intent.canceled" })).data.length, 1);
  }));

Deno.test("a refused delivery is tried again", () =>
  withReceiver({ retryDelayMs: 5 }, async ({ stripe, control }, received, answer) => {
    answer(500);
    await stripe.paymentIntents.create({ amount: 500, currency: "eur" });
    await control.webhooksSettled();
    assert.equal(received.length, 3);
    assert.deepEqual(control.webhookDeliveries().map((delivery) => delivery.attempt), [1, 2, 3]);
  }));

Deno.test("deliveries can be lost, doubled and out of order", () =>
  withReceiver(
    { dropProbability: 0.3, duplicateProbability: 0.5, reorderWithinMs: 400, seed: 3 },
    async (bench, received) => {
      const { stripe, control } = bench;
      for (let i = 0; i < 20; i++) await stripe.paymentIntents.create({ amount: 500 + i, currency: "eur" });
      await control.webhooksSettled();
      const amounts = received.map((event) => (event.data.object as Stripe.PaymentIntent).amount);
      const distinct = new Set(amounts);
      assert.ok(distinct.size < 20, "none was lost");
      assert.ok(amounts.length > distinct.size, "none was doubled");
      assert.notDeepEqual(amounts, amounts.toSorted(), "all in order");
    },
  ));

Deno.test("several endpoints get the events that they asked for, thin ones only name the object, and one is sent again", async () => {
  await withSimulator({}, async ({ stripe, control }) => {
    const received: { path: string; event: { id: string; type: string; context?: unknown } }[] = [];
    const receiver = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async (request) => {
      const path = new URL(request.url).pathname;
      const verify = path === "/thin" ? stripe.parseEventNotificationAsync.bind(stripe) : null;
      const [body, signature] = [await request.text(), request.headers.get("stripe-signature")!];
      const event = await (verify?.(body, signature, SECRET) ??
        stripe.webhooks.constructEventAsync(body, signature, SECRET));
      received.push({ path, event });
      return new Response();
    });
    const url = `http://127.0.0.1:${receiver.addr.port}`;
    try {
      control.setWebhook([
        { url: `${url}/thin`, secret: SECRET, payload: "thin" },
        { url: `${url}/connected`, secret: SECRET, from: "connected" },
        { url: `${url}/canceled`, secret: SECRET, from: "platform", types: ["payment_intent.canceled"] },
      ]);
      const { id } = await stripe.paymentIntents.create({ amount: 500, currency: "eur" });
      await stripe.paymentIntents.cancel(id);
      const options = { stripeAccount: "acct_shop" };
      await stripe.paymentIntents.create({ amount: 500, currency: "eur" }, options);
      await control.webhooksSettled();
      const seen = () =>
        received.map(({ path, event }) => `${path} ${event.type} ${event.context ?? ""}`.trim()).sort();
      assert.deepEqual(seen(), [
        "/canceled payment_intent.canceled",
        "/connected payment_intent.created",
        "/thin v1.payment_intent.canceled",
        "/thin v1.payment_intent.created",
        "/thin v1.payment_intent.created acct_shop",
      ]);
      const canceled = control.events().find((event) => event.type === "payment_intent.canceled")!;
      assert.equal(canceled.object, id);
      await control.resendEvent({ id: canceled.id });
      assert.equal(received.filter(({ event }) => event.id === canceled.id).length, 4);
    } finally {
      control.setWebhook(null);
      await receiver.shutdown();
    }
  });
});
