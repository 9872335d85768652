import assert from "node:assert/strict";
import { createClient } from "@supabase/supabase-js";
import { type Api, startApi } from "./with-api.ts";

const tables = `
  create table public.for_operators (id int);
  insert into public.for_operators values (1);
  alter table public.for_operators enable row level security;
  create policy operators on public.for_operators for select to authenticated
    using ((select auth.jwt() -> 'app_metadata' ->> 'lapse_role') = 'operator');
  grant select on public.for_operators to authenticated;
  create table public.not_granted (id int);`;

let api: Api;
Deno.test.beforeAll(async () => void (api = await startApi(tables)));
Deno.test.afterAll(() => api?.close());

Deno.test("only the migrations' grants and policies decide what a user reads", async () => {
  const operator = await signedIn("operator");
  const viewer = await signedIn("viewer");
  assert.deepEqual((await operator.from("for_operators").select()).data, [{ id: 1 }]);
  assert.deepEqual((await viewer.from("for_operators").select()).data, []);
  const { error, status } = await operator.from("not_granted").select();
  assert.deepEqual([error?.code, status], ["42501", 403]);
});

Deno.test("nobody reads without a grant: anon gets 401, the secret key runs as service_role", async () => {
  const anon = await client(api.keys.publishableKey).from("for_operators").select();
  assert.deepEqual([anon.error?.code, anon.status], ["42501", 401]);
  const service = await client(api.keys.secretKey).from("for_operators").select();
  assert.deepEqual([service.error?.code, service.status], ["42501", 403]);
});

Deno.test("a request with no key, a wrong key or a forged token is refused", async () => {
  const forged = `${(await fetchToken("viewer")).slice(0, -4)}AAAA`;
  const attempts: Record<string, string>[] = [
    {},
    { apikey: "sb_secret_wrong" },
    { apikey: api.keys.publishableKey, authorization: `Bearer ${forged}` },
  ];
  for (const headers of attempts) {
    const response = await fetch(`${api.url}/rest/v1/for_operators`, { headers });
    await response.body?.cancel();
    assert.equal(response.status, 401, JSON.stringify(headers));
  }
});

Deno.test("access tokens are ES256, name their key and carry app_metadata, as those of a hosted project", async () => {
  const { data, error } = await (await signedIn("operator")).auth.getClaims();
  assert.equal(error, null);
  assert.deepEqual([data?.header.alg, data?.header.kid], ["ES256", api.keys.jwks.keys[0]?.kid]);
  assert.equal(data?.claims.app_metadata?.lapse_role, "operator");
  assert.equal(data?.claims.iss, `${api.url}/auth/v1`);
});

Deno.test("a refreshed token works like the first", async () => {
  const operator = await signedIn("operator");
  assert.equal((await operator.auth.refreshSession()).error, null);
  assert.deepEqual((await operator.from("for_operators").select()).data, [{ id: 1 }]);
});

Deno.test("creating a user again replaces the password and the role", async () => {
  await api.createUser({ email: "twice@lapse.test", password: "first-password" });
  await api.createUser({
    email: "twice@lapse.test",
    password: "second-password",
    app_metadata: { lapse_role: "viewer" },
  });
  const { data } = await client(api.keys.publishableKey).auth.signInWithPassword({
    email: "twice@lapse.test",
    password: "second-password",
  });
  assert.equal(data.user?.app_metadata.lapse_role, "viewer");
});

function client(key: string) {
  return createClient(api.url, key, { auth: { persistSession: false, autoRefreshToken: false } });
}

async function signedIn(role: "operator" | "viewer") {
  const user = client(api.keys.publishableKey);
  const { error } = await user.auth.signInWithPassword(api.users[role]);
  assert.equal(error, null);
  return user;
}

async function fetchToken(role: "operator" | "viewer"): Promise<string> {
  const { data } = await (await signedIn(role)).auth.getSession();
  return data.session!.access_token;
}

Deno.test("a page of another origin may sign in and read, as on the platform", async () => {
  const origin = "https://dashboard.example";
  for (const path of ["/auth/v1/token?grant_type=password", "/auth/v1/logout", "/rest/v1/for_operators"]) {
    const wished = "apikey, authorization, content-type, x-client-info, x-supabase-api-version";
    const preflight = await fetch(api.url + path, {
      method: "OPTIONS",
      headers: { origin, "access-control-request-method": "POST", "access-control-request-headers": wished },
    });
    const { status, headers } = preflight;
    assert.ok(status === 200 || status === 204, `${path} answered ${status}`);
    assert.equal(headers.get("access-control-allow-origin"), "*", path);
    assert.match(headers.get("access-control-allow-methods")!, /POST/, path);
    assert.deepEqual(headers.get("access-control-allow-headers")!.toLowerCase().split(/, ?/), wished.split(", "), path);
    const answer = await fetch(api.url + path, {
      method: "POST",
      headers: { origin, "content-type": "application/json" },
      body: "{}",
    });
    assert.equal(answer.headers.get("access-control-allow-origin"), "*", `${path}, which refuses`);
    await answer.body?.cancel();
  }
});
