import assert from "node:assert/strict";
import { z } from "zod";
import { createHealthCheck } from "../../../functions/lapse-health/health.ts";
import type { Rpc } from "../../../functions/_shared/database/rpc.ts";
import { ConfigurationError, DatabaseError } from "../../../functions/_shared/errors.ts";
import { createLog } from "../../../functions/_shared/run/log.ts";
import { type Databases, startDatabases } from "../../../local/platform/databases.ts";
import { withConnection } from "../../../local/postgres/databases.ts";
import { startStack } from "../../../local/stack/start.ts";
import { installedNow } from "./watched-stack.ts";

let databases: Databases;
Deno.test.beforeAll(async () => {
  databases = await startDatabases();
});
Deno.test.afterAll(() => databases.stop());

Deno.test("an unauthenticated caller learns only health codes", async () => {
  await using stack = await startStack({ databases, users: false, workers: false });
  const url = `${stack.apiUrl}/functions/v1/lapse-health`;
  await withConnection(stack.database.url, installedNow);
  assert.deepEqual(await ask(url), { status: 200, body: { status: "ok" } });

  await stack.functions.kill("lapse-health");
  await withConnection(stack.database.url, async (sql) => {
    await sql`select lapse.watch_order('x', p_deadline => now() - interval '1 hour')`;
    await sql`update lapse.schedules set changed_at = now() - interval '1 day' where true`;
    await sql`update lapse.watch_state set watched_at = now() - interval '1 day' where only_row`;
    await sql`select cron.unschedule('lapse-retention')`;
    await sql`drop function lapse_shop.contract_version()`;
  });
  const reasons = ["adapter_missing", "no_completed_run", "orders_overdue", "schedule_missing", "watch_silent"];
  assert.deepEqual(await ask(url), { status: 503, body: { status: "unhealthy", reasons } });
  const head = await fetch(url, { method: "HEAD" });
  assert.deepEqual([head.status, await head.text()], [503, ""]);

  for (const method of ["POST", "PUT", "DELETE"]) assert.equal((await ask(url, method)).status, 405, method);
});

Deno.test("an unreachable database is reported as a reason", async () => {
  await using stack = await startStack({ databases, users: false, workers: false });
  const url = `${stack.apiUrl}/functions/v1/lapse-health`;
  await withConnection(
    stack.database.url,
    (sql) => sql`alter function public.lapse_health rename to lapse_health_elsewhere`,
  );
  assert.deepEqual(await ask(url), {
    status: 503,
    body: { status: "unhealthy", reasons: ["database_unreachable"] },
  });
});

Deno.test("only a secret key may call what lapse-health calls", async () => {
  await using stack = await startStack({ databases, users: false, workers: false });
  const response = await fetch(`${stack.apiUrl}/rest/v1/rpc/lapse_health`, {
    method: "POST",
    headers: { apikey: stack.publishableKey, "content-type": "application/json" },
    body: "{}",
  });
  await response.body?.cancel();
  assert.ok([401, 403].includes(response.status), String(response.status));
});

Deno.test("any number of callers costs the database one call every three seconds", async () => {
  let calls = 0;
  let now = 0;
  const check = healthCheck(() => Promise.resolve({ reasons: [`call_${"abc"[calls++]}`] }), { clock: () => now });
  const together = await Promise.all([check(), check(), check()]);
  now = 2_999;
  assert.deepEqual([...together, await check()].map(({ reasons }) => reasons[0]), Array(4).fill("call_a"));
  now = 3_000;
  assert.deepEqual([await check(), calls], [{ reasons: ["call_b"] }, 2]);
});

Deno.test("a failure to ask the database is a reason and never an error", async () => {
  const failures: [() => Promise<unknown>, string][] = [
    [() => Promise.reject(new DatabaseError("no", { code: "57P01" })), "database_unreachable"],
    [() => Promise.resolve({ reasons: ["order 17 of Ana"] }), "database_unreachable"],
    [() => new Promise(() => {}), "database_unreachable"],
  ];
  for (const [call, reason] of failures) assert.deepEqual(await healthCheck(call)(), { reasons: [reason] });
  const unset = createHealthCheck({
    connect: () => {
      throw new ConfigurationError("Cannot start a run: SUPABASE_URL is not set");
    },
    log: createLog({}, () => {}),
    clock: () => 0,
  });
  assert.deepEqual(await unset(), { reasons: ["misconfigured"] });
});

/** A check over a database whose answer is parsed as the real client parses it. */
function healthCheck(call: () => Promise<unknown>, { clock = () => 0 }: { clock?: () => number } = {}) {
  const rpc: Rpc = async (_name, _args, { answer }) => z.parse(answer, await call());
  return createHealthCheck({ connect: () => rpc, log: createLog({}, () => {}), clock, limitMs: 50 });
}

async function ask(url: string, method = "GET"): Promise<{ status: number; body: unknown }> {
  const response = await fetch(url, { method });
  assert.equal(response.headers.get("cache-control"), "no-store");
  return { status: response.status, body: await response.json() };
}
