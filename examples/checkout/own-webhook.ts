// The shop's own webhook, for a shop that does more than close the order when money arrives. As an Edge Function it
// would end with `Deno.serve(…)`. Lapse's own webhook may run beside it.

import Stripe from "stripe";
import type { Backend } from "./shop.ts";

/** The events that report money. A session and its intent are one payment, whichever comes first. */
export async function handleEvent(request: Request, { supabase, stripe }: Backend, secret: string): Promise<Response> {
  let event: Stripe.Event;
  try {
    const signature = request.headers.get("stripe-signature") ?? "";
    // Use the raw body, because parsing and serialising it would invalidate the signature.
    event = await stripe.webhooks.constructEventAsync(await request.text(), signature, secret);
  } catch {
    return new Response("Not signed by Stripe", { status: 400 });
  }
  const paid = paymentOf(event);
  if (paid === null) return new Response("Nothing to do");

  const { data: result, error } = await supabase.rpc("lapse_mark_paid", {
    p_ref: paid.order,
    p_stripe_id: paid.id,
    p_amount: paid.amount,
  });
  // Stripe delivers the event again.
  if (error) return new Response(error.message, { status: 500 });
  if (result === "paid") console.log(`Order ${paid.order} is paid: deliver it`);
  return new Response(result);
}

function paymentOf(event: Stripe.Event): { order: string; id: string; amount: number } | null {
  switch (event.type) {
    case "payment_intent.succeeded": {
      const { id, metadata, amount_received } = event.data.object;
      // Without metadata it is the intent of a session, which has its own event.
      return metadata.order_id ? { order: metadata.order_id, id, amount: amount_received } : null;
    }
    case "checkout.session.completed":
    case "checkout.session.async_payment_succeeded": {
      const { id, metadata, payment_status, amount_total } = event.data.object;
      if (payment_status === "unpaid" || !metadata?.order_id) return null;
      return { order: metadata.order_id, id, amount: amount_total ?? 0 };
    }
    default:
      return null;
  }
}
