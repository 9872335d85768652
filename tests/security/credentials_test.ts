import assert from "node:assert/strict";
import { createClient } from "@supabase/supabase-js";
import { generateKeys } from "../../local/gateway/keys.ts";
import { findViews } from "../rest/attempts.ts";
import { type Shop, withShop } from "../integration/support.ts";
import { assertCleanLogs, JOBS, send, traces } from "./support.ts";
import { badTokens, generateTokenKeys, operatorToken } from "./tokens.ts";

Deno.test("no invalid credential starts a job over HTTP, whatever the body asks for", async () => {
  const project = await generateKeys();
  await withShop({ keys: project }, async (shop) => {
    const keys = await generateTokenKeys(project, `${shop.stack.apiUrl}/auth/v1`);
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
    for (const name of JOBS) {
      assert.equal((await send(shop, name, { headers: { authorization } })).status, 202, "the real one is let in");
    }
  });
});

Deno.test("during a rotation both scheduler secrets work, and after it the previous one is refused", async () => {
  const previous = "previous-secret-of-the-scheduler-0123456789";
  await withShop({ functionsEnv: { LAPSE_SCHEDULER_SECRET_PREVIOUS: previous } }, async (shop) => {
    for (const name of JOBS) {
      for (const secret of [shop.stack.schedulerSecret, previous]) {
        const answer = await send(shop, name, await scheduled(shop, name, secret));
        assert.equal(answer.status, 202, `${name}: ${answer.text}`);
      }
    }
  });
  await withShop({ functionsEnv: { LAPSE_SCHEDULER_SECRET_PREVIOUS: "" } }, async (shop) => {
    for (const name of JOBS) {
      for (const secret of [previous, "", " ", "null", "undefined"]) {
        const init = await scheduled(shop, name, secret);
        const before = await traces(shop);
        assert.equal((await send(shop, name, init)).status, 401, name);
        assert.deepEqual(await traces(shop), before);
      }
    }
  });
});

Deno.test("the scheduler's secret starts nothing that its own database has not queued: a copy of it starts nothing elsewhere", async () => {
  await withShop({}, async (shop) => {
    await shop.addIntent(await shop.placeOrder());
    const headers = { "x-lapse-secret": shop.stack.schedulerSecret };
    const before = await traces(shop);
    for (const name of JOBS) {
      for (const body of ["{}", "", JSON.stringify({ runId: crypto.randomUUID() })]) {
        const answer = await send(shop, name, { headers, body });
        assert.deepEqual([answer.status, JSON.parse(answer.text).error.code], [404, "run"], answer.text);
      }
      const brake = JSON.stringify({ releaseBrake: true, reason: "the scheduler is no operator" });
      assert.equal((await send(shop, name, { headers, body: brake })).status, 403);
    }
    assert.deepEqual(await traces(shop), before);
  });
});

Deno.test("metadata that users write themselves makes them neither operators nor viewers", async () => {
  await withShop({ users: true }, async (shop) => {
    const { stack } = shop;
    await shop.placeOrder();
    const client = createClient(stack.apiUrl, stack.publishableKey, { auth: { persistSession: false } });
    const signUp = await client.auth.signUp({
      email: "climber@lapse.test",
      password: "climber-1234",
      options: { data: { lapse_role: "operator", app_metadata: { lapse_role: "operator" }, role: "service_role" } },
    });
    assert.equal(signUp.error, null);
    await client.auth.updateUser({ data: { lapse_role: "operator" } });
    const { data } = await client.auth.refreshSession();
    const token = data.session?.access_token ?? signUp.data.session!.access_token;
    assert.equal((await send(shop, JOBS[0], { headers: { authorization: `Bearer ${token}` } })).status, 403);
    for (const { name } of await findViews(shop.sql)) {
      const { data, error } = await client.from(name).select();
      assert.deepEqual([error, data], [null, []], `${name} shows rows to a user`);
    }
  });
});

/** A request for a run that the database has queued, as pg_net would send it. */
async function scheduled({ sql }: Shop, name: string, secret: string): Promise<RequestInit> {
  const [run] = await sql`select lapse.dispatch(${name}) as id`;
  return { headers: { "x-lapse-secret": secret }, body: JSON.stringify({ runId: run!.id }) };
}

function strangers({ stack }: Shop): Record<string, string>[] {
  return [
    {},
    { apikey: stack.publishableKey },
    { apikey: "" },
    { apikey: "wrong" },
    { apikey: stack.schedulerSecret },
    { authorization: `Bearer ${stack.secretKey}` },
    { authorization: `Bearer ${stack.schedulerSecret}` },
    { authorization: `Basic ${btoa(`operator:${stack.secretKey}`)}` },
    { "x-lapse-secret": stack.secretKey },
    { "x-lapse-secret": `${stack.schedulerSecret},${stack.schedulerSecret}` },
    { "x-lapse-secret": "", apikey: stack.secretKey },
    { "x-lapse-secret": "wrong", apikey: stack.secretKey },
    { cookie: `apikey=${stack.secretKey}; x-lapse-secret=${stack.schedulerSecret}` },
    { "x-forwarded-for": "127.0.0.1", "x-real-ip": "127.0.0.1", host: "localhost" },
  ];
}
