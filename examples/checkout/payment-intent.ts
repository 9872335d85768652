// A checkout on the shop's own pages, with Stripe's Payment Element.

import { type Backend, openBackend, type Order, placeOrder } from "./shop.ts";

/** What the page needs to take the payment; null if it is too late, because the order is being closed. */
export async function startPayment({ supabase, stripe }: Backend, order: Order): Promise<string | null> {
  const intent = await stripe.paymentIntents.create({
    amount: order.amount,
    currency: order.currency,
    // Lapse recognises the order's payment by this, even if this function dies before the next line.
    metadata: { order_id: order.id },
  });
  // Attach before the customer gets the client secret, so that Lapse can cancel the payment in time.
  const { error } = await supabase.rpc("lapse_attach_payment", { p_ref: order.id, p_stripe_id: intent.id });
  if (error) {
    await stripe.paymentIntents.cancel(intent.id);
    if (error.code === "PT409") return null;
    throw error;
  }
  return intent.client_secret;
}

if (import.meta.main) {
  const backend = openBackend((name) => Deno.env.get(name));
  const order = await placeOrder(backend);
  console.log(`Order ${order.id} can be paid with ${await startPayment(backend, order)}`);
}
