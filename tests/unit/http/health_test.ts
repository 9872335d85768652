import assert from "node:assert/strict";
import * as z from "zod/mini";
import type { Rpc } from "../../../functions/_shared/database/rpc.ts";
import { ConfigurationError, DatabaseError } from "../../../functions/_shared/errors.ts";
import { createLog } from "../../../functions/_shared/run/log.ts";
import { createHealthCheck } from "../../../functions/lapse-health/health.ts";

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

Deno.test("a slow database is asked once for all waiting callers, and its answer is reused like any other", async () => {
  const slow = Promise.withResolvers<{ reasons: string[] }>();
  let calls = 0;
  let now = 0;
  const check = healthCheck(() => (calls++, slow.promise), { clock: () => now });
  const first = check();
  now = 4_000;
  const second = check();
  slow.resolve({ reasons: ["slow"] });
  assert.deepEqual([await first, await second, calls], [{ reasons: ["slow"] }, { reasons: ["slow"] }, 1]);
  now = 6_999;
  await check();
  assert.equal(calls, 1);
  now = 7_000;
  await check();
  assert.equal(calls, 2);
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
      throw new ConfigurationError("Cannot work: SUPABASE_URL is not set");
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
