import { createClient } from "@supabase/supabase-js";
import { type Shop, withShop } from "../integration/support.ts";
import type { Surroundings } from "./run-block.ts";

/** The orders that the documents name. */
const OPEN = "11111111-1111-4111-8111-111111111111";
const QUARANTINED = "33333333-3333-4333-8333-333333333333";
const EXPIRED = "44444444-4444-4444-8444-444444444444";
/** Somebody has seen its money, Lapse cannot. */
const PAID = "77777777-7777-4777-8777-777777777777";
/** One with an unpaid voucher through Checkout. */
const UNCLOSABLE = "66666666-6666-4666-8666-666666666666";

/**
 * A shop as the documents find it: an order that was just placed, orders that are due, quarantined ones, one paid after it had expired;
 * an operator signed in.
 */
export async function withShopOfExamples(test: (surroundings: Surroundings) => Promise<void>): Promise<void> {
  // Unchecked, because a late payment is a promise that was broken.
  await withShop({ users: true, unchecked: true }, async (shop) => {
    for (const id of [QUARANTINED, PAID, UNCLOSABLE, EXPIRED]) await place(shop, id);
    for (const id of [QUARANTINED, PAID]) await shop.addIntent(id, { metadata: { order_id: "somebody-else" } });
    const unpaid = { status: "complete", paymentStatus: "unpaid", intentStatus: "requires_payment_method" } as const;
    const session = await shop.addSession(UNCLOSABLE, unpaid);
    await shop.run();
    await shop.dueNow();
    await shop.run();
    await shop.markPaid(EXPIRED, "pi_3Late");
    for (let n = 0; n < 3; n++) await shop.addIntent(await shop.placeOrder({ items: [{ sku: "mug", quantity: 2 }] }));
    await place(shop, OPEN, { amount: 4200, minutesAgo: 0 });
    await test({ sql: shop.sql, env: { ...await environmentOf(shop), STRIPE_ID: session } });
  });
}

async function place({ sql }: Shop, id: string, { amount = 2000, minutesAgo = 60 } = {}): Promise<void> {
  await sql`
    select public.place_order(p_currency => 'eur', p_amount => ${amount}, p_items => '[{"sku": "mug", "quantity": 1}]',
      p_order_id => ${id}, p_now => now() - make_interval(mins => ${minutesAgo}))`;
}

async function environmentOf({ stack, sql }: Shop): Promise<Record<string, string>> {
  const { email, password } = stack.operator!;
  const client = createClient(stack.apiUrl, stack.publishableKey, { auth: { persistSession: false } });
  const { data, error } = await client.auth.signInWithPassword({ email, password });
  if (error) throw error;
  const [alert] = await sql<{ id: string }[]>`select id from lapse.alerts where code = 'L014'`;
  return {
    API_URL: stack.apiUrl,
    PUBLISHABLE_KEY: stack.publishableKey,
    SECRET_KEY: stack.secretKey,
    SCHEDULER_SECRET: stack.schedulerSecret,
    METRICS_TOKEN: stack.metricsToken,
    DB_URL: stack.database.url,
    STRIPE_API_BASE: stack.stripeApiBase,
    OPERATOR_TOKEN: data.session.access_token,
    EMAIL: email,
    PASSWORD: password,
    ORDER_REF: QUARANTINED,
    PAID_REF: PAID,
    ALERT_ID: `${alert!.id}`,
    LAPSE_URL: stack.apiUrl,
    LAPSE_SECRET_KEY: stack.secretKey,
    LAPSE_PUBLISHABLE_KEY: stack.publishableKey,
  };
}
