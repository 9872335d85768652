import assert from "node:assert/strict";
import { type Shop, withShop } from "./support.ts";

async function assertStopped(shop: Shop, reason: RegExp): Promise<void> {
  const orderId = await shop.placeOrder();
  await shop.addIntent(orderId);
  const response = await shop.post({ wait: true });
  const { error } = await response.json();
  assert.equal(response.status, 500);
  assert.match(error.message, reason);
  assert.equal((await shop.orderOf(orderId)).status, "pending");
  assert.equal(shop.stripe.mark(), 0);
}

async function assertRunFailed({ sql }: Shop, reason: RegExp): Promise<void> {
  const [run] = await sql`select status, error from lapse.runs order by created_at desc limit 1`;
  assert.equal(run!.status, "failed");
  assert.match(run!.error, reason);
  const [alert] = await sql`select severity from lapse.alerts where key = 'run_failed:expire-stale-orders'`;
  assert.equal(alert!.severity, "critical");
}

Deno.test("a missing Stripe key fails the run with a plain reason and an alert, and nothing is touched", async () => {
  await withShop({ functionsEnv: { STRIPE_SECRET_KEY: "" } }, async (shop) => {
    await assertStopped(shop, /STRIPE_SECRET_KEY is not set/);
    await assertRunFailed(shop, /STRIPE_SECRET_KEY is not set/);
  });
});

Deno.test("a malformed Stripe key fails the run, and its value is not repeated", async () => {
  await withShop({ functionsEnv: { STRIPE_SECRET_KEY: "pk_test_published" } }, async (shop) => {
    await assertStopped(shop, /STRIPE_SECRET_KEY is malformed/);
    await assertRunFailed(shop, /^(?!.*pk_test_published).*$/);
  });
});

Deno.test("missing settings fail the run with an alert, and nothing is touched", async () => {
  await withShop({}, async (shop) => {
    await shop.sql`delete from lapse.settings`;
    await assertStopped(shop, /lapse\.settings has no row/);
    await assertRunFailed(shop, /lapse\.settings has no row/);
  });
});

Deno.test("a missing platform variable is named", async () => {
  await withShop({ functionsEnv: { SUPABASE_SECRET_KEYS: "" } }, (shop) => assertStopped(shop, /SUPABASE_SECRET_KEYS/));
});

Deno.test("a client that row-level security blinds fails loudly instead of finding nothing to do", async () => {
  // The wrong key in the right place: with it every table would look empty.
  await withShop({}, async (shop) => {
    const blind = { SUPABASE_SECRET_KEYS: JSON.stringify({ default: shop.stack.publishableKey }) };
    await withBlindFunctions(shop, blind);
  });
});

async function withBlindFunctions(shop: Shop, env: Record<string, string>): Promise<void> {
  const orderId = await shop.placeOrder();
  const { startFunctionsHost } = await import("../../local/functions-host/start.ts");
  const host = await startFunctionsHost({
    env: {
      SUPABASE_URL: shop.stack.apiUrl,
      SUPABASE_PUBLISHABLE_KEYS: JSON.stringify({ default: shop.stack.publishableKey }),
      STRIPE_SECRET_KEY: "sk_test_local",
      STRIPE_API_BASE: shop.stack.stripeApiBase,
      LAPSE_SCHEDULER_SECRET: shop.stack.schedulerSecret,
      ...env,
    },
  });
  try {
    const request = new Request("http://functions.test/functions/v1/expire-stale-orders", {
      method: "POST",
      headers: { "x-lapse-secret": shop.stack.schedulerSecret },
      body: '{"wait":true}',
    });
    const response = await host.fetch(request, "expire-stale-orders");
    assert.equal(response.status, 500);
    assert.match((await response.json()).error.message, /permission denied.*service_role/);
    assert.equal((await shop.orderOf(orderId)).status, "pending");
  } finally {
    await host.close();
  }
}
