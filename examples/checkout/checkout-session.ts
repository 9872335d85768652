// A checkout on Stripe's hosted page.

import { type Backend, openBackend, type Order, placeOrder } from "./shop.ts";

/** Where to send the customer; null if it is too late, because the order is being closed. */
export async function startPayment({ supabase, stripe }: Backend, order: Order): Promise<string | null> {
  const session = await stripe.checkout.sessions.create({
    mode: "payment",
    line_items: [{
      quantity: 1,
      price_data: {
        currency: order.currency,
        unit_amount: order.amount,
        product_data: { name: `Order ${order.id}` },
      },
    }],
    // // Lapse recognises the order's payment by this. Stripe does not copy it to the session's intent, which is fine:
    // the two are one payment, and one of them must name the order.
    metadata: { order_id: order.id },
    success_url: "https://shop.example/thanks",
  });
  // Attach the session and not its intent, which does not exist before the customer pays.
  const { error } = await supabase.rpc("lapse_attach_payment", { p_ref: order.id, p_stripe_id: session.id });
  if (error) {
    await stripe.checkout.sessions.expire(session.id);
    if (error.code === "PT409") return null;
    throw error;
  }
  return session.url;
}

if (import.meta.main) {
  const backend = openBackend((name) => Deno.env.get(name));
  const order = await placeOrder(backend);
  console.log(`Order ${order.id} can be paid at ${await startPayment(backend, order)}`);
}
