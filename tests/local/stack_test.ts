import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { createClient } from "@supabase/supabase-js";
import { type Databases, startDatabases } from "../../local/platform/databases.ts";
import { createDatabase, withConnection } from "../../local/postgres/databases.ts";
import { type Stack, startStack } from "../../local/stack/start.ts";
import { eventually } from "../integration/eventually.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

let databases: Databases;
Deno.test.beforeAll(async () => {
  databases = await startDatabases();
});
Deno.test.afterAll(() => databases?.stop());

Deno.test("a dispatch travels through pg_net to the function and back into the database", async () => {
  await using stack = await startStack({ databases, users: false });
  // A busy machine may take longer to start it than pg_net waits for an answer.
  await stack.functions.warm("expire-stale-orders");
  await withConnection(stack.database.url, (sql) => sql`select lapse.dispatch('expire-stale-orders')`);
  await eventually(async () => {
    const [response] = await withConnection(
      stack.database.url,
      (sql) => sql`select status_code from net._http_response`,
    );
    return response?.status_code === 202;
  }, "the response is in the database");
});

Deno.test("an operator may call a function, an unauthenticated caller may not", async () => {
  await using stack = await startStack({ databases, workers: false });
  const user = createClient(stack.apiUrl, stack.publishableKey, {
    auth: { persistSession: false, autoRefreshToken: false },
  });
  const url = `${stack.apiUrl}/functions/v1/expire-stale-orders`;
  const { data } = await user.auth.signInWithPassword(stack.operator!);
  const statuses = [`Bearer ${data.session?.access_token}`, "Bearer a.b.c"].map((authorization) =>
    status(url, { method: "POST", body: "{}", headers: { authorization, apikey: stack.publishableKey } })
  );
  assert.deepEqual(await Promise.all(statuses), [202, 401]);
});

Deno.test("the stack prints one JSON line, runs until SIGTERM, and removes what it created in an existing database", async () => {
  const database = await createDatabase(databases.server.url);
  const child = new Deno.Command("node", {
    args: ["local/run.mjs", "local/stack/main.ts", "--json", "--db-url", database.adminUrl],
    cwd: root,
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const description = JSON.parse((await lines.read()).value!);
  assert.deepEqual(Object.keys(description), [
    "apiUrl",
    "dbUrl",
    "publishableKey",
    "secretKey",
    "schedulerSecret",
    "metricsToken",
    "stripeApiBase",
    "stripeControlUrl",
    "stripeWebhookSecret",
    "operator",
    "viewer",
  ]);
  assert.equal(description.dbUrl, database.adminUrl);
  assert.deepEqual(Object.keys(description.operator), ["email", "password"]);
  assert.deepEqual(await vaultEntries(database.adminUrl), ["lapse_functions_url", "lapse_scheduler_secret"]);
  child.kill("SIGTERM");
  assert.equal((await lines.read()).done, true, "nothing else is printed");
  assert.equal((await child.status).code, 0);
  assert.deepEqual(await vaultEntries(database.adminUrl), []);
  await assert.rejects(fetch(description.apiUrl));
});

Deno.test("a second stack on the same database works like the first", async () => {
  const database = await createDatabase(databases.server.url);
  const start = () => startStack({ dbUrl: database.adminUrl, stripeApiBase: "http://127.0.0.1:9", workers: false });
  const first: Stack = await start();
  await first.stop();
  await using second = await start();
  const [row] = await withConnection(
    database.url,
    (sql) => sql`select distinct tableowner as owner from pg_tables where schemaname in ('public', 'lapse')`,
  );
  assert.equal(row!.owner, "postgres");
  assert.notEqual(second.operator?.password, first.operator?.password);
  assert.equal(second.simulator, undefined);
});

async function vaultEntries(url: string): Promise<string[]> {
  const rows = await withConnection(url, (sql) => sql`select name from vault.secrets order by name`);
  return rows.map(({ name }) => name);
}

async function status(url: string, init: RequestInit): Promise<number> {
  const response = await fetch(url, init);
  await response.body?.cancel();
  return response.status;
}
