import { createClient } from "@supabase/supabase-js";
import { type Shop, withShop } from "../integration/support.ts";
import type { Surroundings } from "./run-block.ts";

/** The orders that the documents name. */
const QUARANTINED = "33333333-3333-4333-8333-333333333333";
const EXPIRED = "44444444-4444-4444-8444-444444444444";
/** One whose voucher through Checkout nobody paid. */
const UNCLOSABLE = "66666666-6666-4666-8666-666666666666";

/** A shop as the documents find it: orders that are due, one set aside, one paid after it had expired; an operator signed in. */
export async function withShopOfExamples(test: (surroundings: Surroundings) => Promise<void>): Promise<void> {
  // Unchecked, because a late payment is a promise that was broken.
  await withShop({ users: true, unchecked: true }, async (shop) => {
    // The documents begin with an empty shelf.
    await shop.sql`delete from public.inventory where sku = 'tea'`;
    await place(shop, QUARANTINED);
    await shop.addIntent(QUARANTINED, { metadata: { order_id: "somebody-else" } });
    await place(shop, UNCLOSABLE);
    const unpaid = { status: "complete", paymentStatus: "unpaid", intentStatus: "requires_payment_method" } as const;
    const session = await shop.addSession(UNCLOSABLE, unpaid);
    await shop.sql`update public.order_payments set grace_until = now() where order_id = ${UNCLOSABLE}`;
    await place(shop, EXPIRED);
    await shop.run();
    await shop.sql`select public.mark_order_paid(p_order_id => ${EXPIRED}, p_stripe_id => 'pi_3Late')`;
    for (let n = 0; n < 3; n++) await shop.addIntent(await shop.placeOrder({ items: [{ sku: "mug", quantity: 2 }] }));
    await test({ sql: shop.sql, env: { ...await environmentOf(shop), STRIPE_ID: session } });
  });
}

async function place({ sql }: Shop, id: string): Promise<void> {
  await sql`select public.place_order(p_currency => 'eur', p_amount => 2000, p_items => '[{"sku": "mug", "quantity": 1}]',
    p_order_id => ${id}, p_now => now() - interval '1 hour')`;
}

async function environmentOf({ stack, sql }: Shop): Promise<Record<string, string>> {
  const { email, password } = stack.operator!;
  const client = createClient(stack.apiUrl, stack.publishableKey, { auth: { persistSession: false } });
  const { data, error } = await client.auth.signInWithPassword({ email, password });
  if (error) throw error;
  const [alert] = await sql<{ id: string }[]>`select id from public.job_alerts where code = 'L014'`;
  return {
    API_URL: stack.apiUrl,
    PUBLISHABLE_KEY: stack.publishableKey,
    SECRET_KEY: stack.secretKey,
    SCHEDULER_SECRET: stack.schedulerSecret,
    DB_URL: stack.database.url,
    STRIPE_API_BASE: stack.stripeApiBase,
    OPERATOR_TOKEN: data.session.access_token,
    EMAIL: email,
    PASSWORD: password,
    ORDER_ID: QUARANTINED,
    ALERT_ID: `${alert!.id}`,
    LAPSE_URL: stack.apiUrl,
    LAPSE_SECRET_KEY: stack.secretKey,
    LAPSE_PUBLISHABLE_KEY: stack.publishableKey,
  };
}
