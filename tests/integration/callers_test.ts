import assert from "node:assert/strict";
import { createClient } from "@supabase/supabase-js";
import { type Shop, withShop } from "./support.ts";

/** A caller who is refused leaves no trace: no run, no call to Stripe. */
async function assertRefused(shop: Shop, status: number, headers: Record<string, string>, body: unknown = {}) {
  const runs = await countRuns(shop);
  const response = await shop.post(body, { headers });
  const answer = await response.json();
  assert.equal(response.status, status, JSON.stringify(answer));
  assert.equal(await countRuns(shop), runs, "a refused caller started a run");
  assert.equal(shop.stripe.mark(), 0, "a refused caller reached Stripe");
  return answer.error as { code: string; message: string; issues?: { field: string; reason: string }[] };
}

async function countRuns({ sql }: Shop): Promise<number> {
  const [row] = await sql<{ n: number }[]>`select count(*)::int as n from lapse.runs`;
  return row!.n;
}

/** What pg_cron does at a tick; pg_net delivers nothing here. */
async function dispatch({ sql }: Shop): Promise<string> {
  const [row] = await sql<{ id: string }[]>`select lapse.dispatch(p_job => 'expire-stale-orders') as id`;
  return row!.id;
}

async function tokenOf({ stack }: Shop, user: { email: string; password: string }): Promise<string> {
  const client = createClient(stack.apiUrl, stack.publishableKey, { auth: { persistSession: false } });
  const { data, error } = await client.auth.signInWithPassword(user);
  if (error) throw error;
  return data.session.access_token;
}

Deno.test("the scheduler, an operator and a server start runs, and the run says who did", async () => {
  await withShop({ users: true }, async (shop) => {
    const token = await tokenOf(shop, shop.stack.operator!);
    const callers: [string, Record<string, string>, { runId?: string }][] = [
      ["schedule", { "x-lapse-secret": shop.stack.schedulerSecret }, { runId: await dispatch(shop) }],
      ["operator", { authorization: `Bearer ${token}`, apikey: shop.stack.publishableKey }, {}],
      ["server", { apikey: shop.stack.secretKey }, {}],
    ];
    for (const [trigger, headers, body] of callers) {
      const response = await shop.post({ wait: true, ...body }, { headers });
      assert.equal(response.status, 200);
      assert.equal((await response.json()).trigger, trigger);
    }
  });
});

Deno.test("the scheduler only starts runs that are queued in this database, so a copy of it starts nothing elsewhere", async () => {
  await withShop({}, async (shop) => {
    const headers = { "x-lapse-secret": shop.stack.schedulerSecret };
    for (const body of [{}, { runId: crypto.randomUUID() }]) await assertRefused(shop, 404, headers, body);
  });
});

Deno.test("all other callers get 401 or 403, and nothing happens", async () => {
  await withShop({ users: true }, async (shop) => {
    const { stack } = shop;
    await shop.addIntent(await shop.placeOrder());
    const viewer = await tokenOf(shop, stack.viewer!);
    const customer = await tokenOf(
      shop,
      await stack.createUser({ email: "customer@lapse.test", password: "customer-1234" }),
    );
    const [head, payload] = viewer.split(".");

    await assertRefused(shop, 401, {});
    await assertRefused(shop, 401, { "x-lapse-secret": "" });
    await assertRefused(shop, 401, { "x-lapse-secret": stack.schedulerSecret.slice(1) });
    await assertRefused(shop, 401, { apikey: stack.publishableKey });
    await assertRefused(shop, 401, { apikey: "sb_secret_guessed" });
    await assertRefused(shop, 401, { authorization: `Bearer ${stack.secretKey}` });
    await assertRefused(shop, 401, { authorization: `Bearer ${head}.${payload}.forged` });
    await assertRefused(shop, 401, { authorization: `Bearer ${stack.schedulerSecret}` });
    await assertRefused(shop, 403, { authorization: `Bearer ${viewer}` });
    await assertRefused(shop, 403, { authorization: `Bearer ${customer}` });
    // A wrong scheduler secret is refused even beside a valid key: it never falls through to another way in.
    await assertRefused(shop, 401, { "x-lapse-secret": "wrong", apikey: stack.secretKey });
  });
});

Deno.test("while the scheduler's secret is being replaced, both values are accepted", async () => {
  const previous = "previous-secret-of-the-scheduler-0123456789";
  await withShop({ functionsEnv: { LAPSE_SCHEDULER_SECRET_PREVIOUS: previous } }, async (shop) => {
    for (const secret of [shop.stack.schedulerSecret, previous]) {
      const runId = await dispatch(shop);
      const response = await shop.post({ runId, wait: true }, { headers: { "x-lapse-secret": secret } });
      assert.equal((await response.json()).status, "succeeded");
    }
  });
});

Deno.test("a request that cannot be used is refused with 400, naming the field, before anything happens", async () => {
  await withShop({}, async (shop) => {
    const headers = { apikey: shop.stack.secretKey };
    const unknown = await assertRefused(shop, 400, headers, { force: true });
    assert.deepEqual(unknown.issues, [{ field: "force", reason: "unknown field" }]);
    assert.equal((await assertRefused(shop, 400, headers, { limit: 0 })).issues![0]!.field, "limit");
    assert.equal((await assertRefused(shop, 400, headers, "{")).issues![0]!.field, "body");
    await assertRefused(shop, 403, { "x-lapse-secret": shop.stack.schedulerSecret }, {
      releaseBrake: true,
      reason: "no",
    });

    const get = await fetch(`${shop.stack.apiUrl}/functions/v1/expire-stale-orders`, { headers });
    assert.equal(get.status, 405);
    await get.body?.cancel();
  });
});
