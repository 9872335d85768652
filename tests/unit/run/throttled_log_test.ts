import assert from "node:assert/strict";
import { createBudgetedFetch } from "../../../functions/_shared/budget/budgeted-fetch.ts";

async function told(reason: string | null, code?: string): Promise<string[]> {
  const said: string[] = [];
  const headers: Record<string, string> = reason === null ? {} : { "stripe-rate-limited-reason": reason };
  const fetch = createBudgetedFetch({
    fetch: () => Promise.resolve(new Response(JSON.stringify({ error: { code } }), { status: 429, headers })),
    budget: { acquire: () => Promise.resolve(), throttled: () => Promise.resolve() },
    timeoutMs: 1_000,
    statistics: { calls: 0, throttled: 0, callsByEndpoint: {} },
    onThrottled: (endpoint, why) => said.push(`${endpoint} ${why}`),
  });
  await fetch("https://stripe.test/v1/payment_intents/pi_1");
  return said;
}

Deno.test("a refusal for rate or concurrency is told, with its endpoint and Stripe's reason", async () => {
  assert.deepEqual(await told("endpoint-rate"), ["payment_intents.retrieve endpoint-rate"]);
  assert.deepEqual(await told(null), ["payment_intents.retrieve unnamed"]);
  assert.deepEqual(await told("global-concurrency"), ["payment_intents.retrieve global-concurrency"]);
});

Deno.test("a lock on one object is no throttling and is not told as one", async () => {
  assert.deepEqual(await told("resource-specific"), []);
  assert.deepEqual(await told(null, "lock_timeout"), []);
});
