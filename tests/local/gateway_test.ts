import assert from "node:assert/strict";
import { createClient } from "@supabase/supabase-js";
import { generateKeys, type ProjectKeys } from "../../local/gateway/keys.ts";
import { startRestAndAuth } from "../../local/gateway/rest-and-auth.ts";
import { type Routes, startGateway } from "../../local/gateway/start.ts";
import { createUser, inventUser } from "../../local/gateway/users.ts";
import { type Databases, startDatabases } from "../../local/platform/databases.ts";
import { withConnection } from "../../local/postgres/databases.ts";

const tables = `
  create table public.for_operators (id int);
  insert into public.for_operators values (1);
  alter table public.for_operators enable row level security;
  create policy operators on public.for_operators for select to authenticated
    using ((select auth.jwt() -> 'app_metadata' ->> 'lapse_role') = 'operator');
  grant select on public.for_operators to authenticated;
  create table public.not_granted (id int);
  create function public.echo(argument jsonb) returns jsonb language sql as
    $$ select jsonb_build_object('type', jsonb_typeof(argument), 'argument', argument) $$;`;

let databases: Databases;
let keys: ProjectKeys;
let api: Awaited<ReturnType<typeof startApi>>;
Deno.test.beforeAll(async () => {
  databases = await startDatabases();
  keys = await generateKeys();
  api = await startApi();
});
Deno.test.afterAll(async () => {
  // A failed beforeAll leaves them undefined, and its own error should be the one that is shown.
  await api?.close();
  await databases?.stop();
});

Deno.test("what a user reads is decided by the migrations' grants and policies alone", async () => {
  const operator = await signedIn("operator");
  const viewer = await signedIn("viewer");
  assert.deepEqual((await operator.from("for_operators").select()).data, [{ id: 1 }]);
  assert.deepEqual((await viewer.from("for_operators").select()).data, []);
  const { error, status } = await operator.from("not_granted").select();
  assert.deepEqual([error?.code, status], ["42501", 403]);
});

Deno.test("nobody reads without a grant: anon gets 401, the secret key runs as service_role", async () => {
  const anon = await client(keys.publishableKey).from("for_operators").select();
  assert.deepEqual([anon.error?.code, anon.status], ["42501", 401]);
  const service = await client(keys.secretKey).from("for_operators").select();
  assert.deepEqual([service.error?.code, service.status], ["42501", 403]);
});

Deno.test("a request with no key, a wrong key or a forged token is refused", async () => {
  const forged = `${(await fetchToken("viewer")).slice(0, -4)}AAAA`;
  const attempts: Record<string, string>[] = [
    {},
    { apikey: "sb_secret_wrong" },
    { apikey: keys.publishableKey, authorization: `Bearer ${forged}` },
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
  assert.deepEqual([data?.header.alg, data?.header.kid], ["ES256", keys.jwks.keys[0]?.kid]);
  assert.equal(data?.claims.app_metadata?.lapse_role, "operator");
  assert.equal(data?.claims.iss, `${api.url}/auth/v1`);
});

Deno.test("a refreshed token works like the first", async () => {
  const operator = await signedIn("operator");
  assert.equal((await operator.auth.refreshSession()).error, null);
  assert.deepEqual((await operator.from("for_operators").select()).data, [{ id: 1 }]);
});

Deno.test("jsonb arguments of a function arrive encoded once", async () => {
  for (const [argument, type] of [[{ a: [1] }, "object"], [[{ b: "x" }], "array"]] as const) {
    const { data, error } = await (await signedIn("viewer")).rpc("echo", { argument });
    assert.deepEqual([error, data], [null, { type, argument }]);
  }
});

Deno.test("creating a user again replaces the password and the role", async () => {
  await api.createUser({ email: "twice@lapse.test", password: "first-password" });
  await api.createUser({
    email: "twice@lapse.test",
    password: "second-password",
    app_metadata: { lapse_role: "viewer" },
  });
  const { data } = await client(keys.publishableKey).auth.signInWithPassword({
    email: "twice@lapse.test",
    password: "second-password",
  });
  assert.equal(data.user?.app_metadata.lapse_role, "viewer");
});

async function startApi() {
  const database = await databases.fresh();
  await withConnection(database.url, (sql) => sql.unsafe(tables).simple());
  const routes: Partial<Routes> = {};
  const gateway = startGateway(routes);
  const rest = await startRestAndAuth(database.url, { keys, apiUrl: gateway.apiUrl });
  routes.rest = rest.fetch;
  const create = (user: Parameters<typeof createUser>[0]) =>
    createUser(user, { apiUrl: gateway.apiUrl, publishableKey: keys.publishableKey, adminUrl: database.adminUrl });
  const operator = await create(inventUser("operator"));
  const viewer = await create(inventUser("viewer"));
  async function close(): Promise<void> {
    await gateway.close();
    await rest.close();
  }
  return { url: gateway.apiUrl, users: { operator, viewer }, createUser: create, close };
}

function client(key: string) {
  return createClient(api.url, key, { auth: { persistSession: false, autoRefreshToken: false } });
}

async function signedIn(role: "operator" | "viewer") {
  const user = client(keys.publishableKey);
  const { error } = await user.auth.signInWithPassword(api.users[role]);
  assert.equal(error, null);
  return user;
}

async function fetchToken(role: "operator" | "viewer"): Promise<string> {
  const { data } = await (await signedIn(role)).auth.getSession();
  return data.session!.access_token;
}
