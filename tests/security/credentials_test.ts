import assert from "node:assert/strict";
import { createClient } from "@supabase/supabase-js";
import { findFunctions, findTables } from "../rest/attempts.ts";
import { type Shop, withShop } from "../integration/support.ts";
import { assertCleanLogs, JOBS, send, traces } from "./support.ts";
import { badTokens, generateTokenKeys, operatorToken } from "./tokens.ts";

Deno.test("no bad credential opens a job, over HTTP and with a body that asks for everything, and nothing happens", async () => {
  const keys = await generateTokenKeys();
  await withShop({ functionsEnv: { SUPABASE_JWKS: JSON.stringify(keys.jwks) } }, async (shop) => {
    await shop.addIntent(await shop.placeOrder());
    const before = await traces(shop);
    const body = JSON.stringify({ releaseBrake: true, reason: "let me in", wait: true });
    for (const name of JOBS) {
      for (const [what, token, status] of await badTokens(keys)) {
        const answer = await send(shop, name, { headers: { authorization: `Bearer ${token}` }, body });
        assert.equal(answer.status, status, `${what}: ${answer.text}`);
        assert.equal(JSON.parse(answer.text).error.code, "credentials");
        assert.ok(!answer.text.includes(token));
      }
      for (const headers of strangers(shop)) {
        const answer = await send(shop, name, { headers, body });
        assert.equal(answer.status, 401, `${JSON.stringify(headers)}: ${answer.text}`);
      }
    }
    assert.deepEqual(await traces(shop), before);
    assertCleanLogs(shop);

    const authorization = `Bearer ${await operatorToken(keys)}`;
    assert.equal((await send(shop, JOBS[0], { headers: { authorization } })).status, 202, "the real one is let in");
  });
});

Deno.test("the scheduler's secret of before the rotation opens nothing, and that of the database opens nothing else", async () => {
  const previous = "previous-secret-of-the-scheduler-0123456789";
  const env = (more: Record<string, string>) => ({ functionsEnv: more });
  await withShop(env({ JOBS_SCHEDULER_SECRET_PREVIOUS: previous }), async (shop) => {
    assert.equal((await send(shop, JOBS[0], { headers: { "x-jobs-secret": previous } })).status, 202);
  });
  await withShop(env({ JOBS_SCHEDULER_SECRET_PREVIOUS: "" }), async (shop) => {
    for (const secret of [previous, "", " ", "null", "undefined"]) {
      assert.equal((await send(shop, JOBS[0], { headers: { "x-jobs-secret": secret } })).status, 401);
    }
    const { apiUrl, schedulerSecret } = shop.stack;
    for (const headers of [{ apikey: schedulerSecret }, { "x-jobs-secret": schedulerSecret }] as HeadersInit[]) {
      const response = await fetch(`${apiUrl}/rest/v1/orders`, { headers });
      assert.equal(response.status, 401, await response.text());
    }
  });
});

Deno.test("over REST a forged token reads and calls nothing, and a user cannot promote himself", async () => {
  const keys = await generateTokenKeys();
  await withShop({ users: true }, async (shop) => {
    await shop.addIntent(await shop.placeOrder());
    await shop.run();
    const before = await traces(shop);
    const bearers: [string, string][] = [
      // To the project all of these are another project's.
      ...(await badTokens(keys)).map(([what, token]): [string, string] => [what, token]),
      ["of another project's operator", await operatorToken(keys)],
      ["with another signature", (await tokenOf(shop, shop.stack.operator!)).replace(/.{20}$/, "A".repeat(20))],
      ["the secret key", shop.stack.secretKey],
      ["the scheduler's secret", shop.stack.schedulerSecret],
    ];
    const paths = [
      ...(await findTables(shop.sql)).map(({ name }) => ({ path: name, init: {} })),
      ...(await findFunctions(shop.sql)).map(({ name, args }) => ({
        path: `rpc/${name}`,
        init: { method: "POST", body: JSON.stringify(Object.fromEntries(args.map((arg) => [arg, null]))) },
      })),
    ];
    for (const [what, token] of bearers) {
      for (const { path, init } of paths) {
        const headers = {
          apikey: shop.stack.publishableKey,
          authorization: `Bearer ${token}`,
          "content-type": "application/json",
        };
        const response = await fetch(`${shop.stack.apiUrl}/rest/v1/${path}`, { ...init, headers });
        const text = await response.text();
        assert.ok([401, 403].includes(response.status), `${path} as a token ${what}: ${response.status} ${text}`);
      }
    }
    assert.deepEqual(await traces(shop), before);
  });
});

Deno.test("what a user writes about himself makes him no operator and no viewer", async () => {
  await withShop({ users: true }, async (shop) => {
    const { stack } = shop;
    await shop.placeOrder();
    const client = createClient(stack.apiUrl, stack.publishableKey, { auth: { persistSession: false } });
    const signUp = await client.auth.signUp({
      email: "climber@lapse.test",
      password: "climber-1234",
      options: { data: { jobs_role: "operator", app_metadata: { jobs_role: "operator" }, role: "service_role" } },
    });
    assert.equal(signUp.error, null);
    await client.auth.updateUser({ data: { jobs_role: "operator" } });
    const { data } = await client.auth.refreshSession();
    const token = data.session?.access_token ?? signUp.data.session!.access_token;
    assert.equal((await send(shop, JOBS[0], { headers: { authorization: `Bearer ${token}` } })).status, 403);
    for (const { name } of await findTables(shop.sql)) {
      const { data, error } = await client.from(name).select();
      assert.ok(error !== null || data.length === 0, `${name} shows rows to a user`);
    }
  });
});

function strangers({ stack }: Shop): Record<string, string>[] {
  return [
    {},
    { apikey: stack.publishableKey },
    { apikey: "" },
    { apikey: stack.schedulerSecret },
    { authorization: `Bearer ${stack.secretKey}` },
    { authorization: `Bearer ${stack.schedulerSecret}` },
    { authorization: `Basic ${btoa(`operator:${stack.secretKey}`)}` },
    { "x-jobs-secret": stack.secretKey },
    { "x-jobs-secret": `${stack.schedulerSecret},${stack.schedulerSecret}` },
    { "x-jobs-secret": "", apikey: stack.secretKey },
    { "x-jobs-secret": "wrong", apikey: stack.secretKey },
    { cookie: `apikey=${stack.secretKey}; x-jobs-secret=${stack.schedulerSecret}` },
    { "x-forwarded-for": "127.0.0.1", "x-real-ip": "127.0.0.1", host: "localhost" },
  ];
}

async function tokenOf({ stack }: Shop, user: { email: string; password: string }): Promise<string> {
  const client = createClient(stack.apiUrl, stack.publishableKey, { auth: { persistSession: false } });
  const { data, error } = await client.auth.signInWithPassword(user);
  if (error) throw error;
  return data.session.access_token;
}
