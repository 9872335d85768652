import assert from "node:assert/strict";
import { type Shop, withShop } from "./support.ts";

/** Runs the job with something missing: it fails for this reason, and touches neither order nor payment. */
async function assertStopped(
  shop: Shop,
  reason: RegExp,
  { headers, breakIt }: { headers?: Record<string, string>; breakIt?: () => Promise<unknown> } = {},
): Promise<void> {
  const orderId = await shop.placeOrder();
  await shop.addIntent(orderId);
  await breakIt?.();
  const response = await shop.post({ wait: true }, { headers });
  const { error } = await response.json();
  assert.equal(response.status, 500);
  assert.match(error.message, reason);
  assert.deepEqual([(await shop.orderOf(orderId)).status, await shop.shopStatusOf(orderId)], ["pending", "pending"]);
  assert.equal(shop.stripe.mark(), 0);
}

async function assertRunFailed({ sql }: Shop, reason: RegExp): Promise<void> {
  const [run] = await sql`select status, error from lapse.runs order by created_at desc limit 1`;
  assert.equal(run!.status, "failed");
  assert.match(run!.error, reason);
  const [alert] = await sql`select severity from lapse.alerts where key = 'run_failed:expire-stale-orders'`;
  assert.equal(alert!.severity, "warning", "one run; more of them in a row are critical");
}

Deno.test("a missing Stripe key fails the run with a plain reason and an alert, and nothing changes", async () => {
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

Deno.test("missing settings fail the run with an alert, and nothing changes", async () => {
  await withShop({}, async (shop) => {
    await assertStopped(shop, /lapse\.settings has no row/, { breakIt: () => shop.sql`delete from lapse.settings` });
    await assertRunFailed(shop, /lapse\.settings has no row/);
  });
});

Deno.test("a missing platform variable is named", async () => {
  await withShop(
    { functionsEnv: { SUPABASE_SECRET_KEYS: "" } },
    (shop) =>
      assertStopped(shop, /SUPABASE_SECRET_KEYS/, { headers: { "x-lapse-secret": shop.stack.schedulerSecret } }),
  );
});

Deno.test("a client restricted by row-level security fails instead of finding nothing due", async () => {
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
    assert.equal(await shop.shopStatusOf(orderId), "pending");
  } finally {
    await host.close();
  }
}

Deno.test("without an adapter a run fails with the reason and an alert, and works once the adapter exists", async () => {
  await withShop({}, async (shop) => {
    const hide = "alter function lapse_shop.contract_version() rename to not_there_yet";
    await assertStopped(shop, /adapter/, { breakIt: () => shop.sql.unsafe(hide) });
    assert.deepEqual(await shop.openAlerts(), ["critical adapter"]);
    await shop.sql.unsafe("alter function lapse_shop.not_there_yet() rename to contract_version");
    assert.equal((await shop.run()).ordersExpired, 1);
    assert.deepEqual(await shop.openAlerts(), []);
  });
});

Deno.test("an adapter written for another version of the contract stops every run", async () => {
  await withShop({}, async (shop) => {
    const version = (n: number) =>
      `create or replace function lapse_shop.contract_version() returns integer language sql as 'select ${n}'`;
    await assertStopped(shop, /version/, { breakIt: () => shop.sql.unsafe(version(2)) });
  });
});
