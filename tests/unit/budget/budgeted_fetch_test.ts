import assert from "node:assert/strict";
import { createBudgetedFetch } from "../../../functions/_shared/budget/budgeted-fetch.ts";

type Setup = {
  reply?: (signal: AbortSignal | null | undefined) => Promise<Response>;
  timeoutMs?: number;
};

function setUp({ reply = () => Promise.resolve(new Response("{}")), timeoutMs = 1_000 }: Setup = {}) {
  const slots: string[] = [];
  const throttled: string[] = [];
  const statistics = { calls: 0, throttled: 0, callsByEndpoint: {} };
  const fetch = createBudgetedFetch({
    fetch: (_input, init) => reply(init?.signal),
    budget: {
      acquire: (endpoint) => Promise.resolve(void slots.push(endpoint)),
      throttled: (endpoint, scope) => Promise.resolve(void throttled.push(`${endpoint} ${scope}`)),
    },
    timeoutMs,
    statistics,
  });
  const cancel = () => fetch("https://stripe.test/v1/payment_intents/pi_1/cancel", { method: "POST" });
  return { cancel, slots, throttled, statistics };
}

const refusal = (reason?: string, error: Record<string, unknown> = {}) => () =>
  Promise.resolve(
    new Response(JSON.stringify({ error }), {
      status: 429,
      headers: reason ? { "stripe-rate-limited-reason": reason } : {},
    }),
  );

Deno.test("every attempt on the wire takes one slot of its endpoint and is counted", async () => {
  const { cancel, slots, statistics } = setUp();
  await cancel();
  await cancel();
  assert.deepEqual(slots, ["payment_intents.cancel", "payment_intents.cancel"]);
  assert.deepEqual(statistics, { calls: 2, throttled: 0, callsByEndpoint: { "payment_intents.cancel": 2 } });
});

Deno.test("a refusal for the endpoint's rate slows that endpoint down, one for the account's rate everything", async () => {
  const endpoint = setUp({ reply: refusal("endpoint-rate") });
  await endpoint.cancel();
  assert.deepEqual(endpoint.throttled, ["payment_intents.cancel endpoint"]);
  const account = setUp({ reply: refusal("global-rate") });
  await account.cancel();
  assert.deepEqual(account.throttled, ["payment_intents.cancel account"]);
});

Deno.test("a lock on one object and a limit of one object slow nobody down", async () => {
  const replies = [
    refusal("resource-specific"),
    refusal(undefined, { code: "lock_timeout" }),
    refusal(undefined, { code: "payment_intent_rate_limit_exceeded" }),
  ];
  for (const reply of replies) {
    const { cancel, throttled, statistics } = setUp({ reply });
    assert.equal((await cancel()).status, 429);
    assert.deepEqual(throttled, []);
    assert.equal(statistics.throttled, 0);
  }
});

Deno.test("a refusal that names no limit slows its endpoint down, and its body is still there to be read", async () => {
  for (const error of [{}, { code: "rate_limit" }]) {
    const { cancel, throttled, statistics } = setUp({ reply: refusal(undefined, error) });
    assert.deepEqual(await (await cancel()).json(), { error });
    assert.deepEqual(throttled, ["payment_intents.cancel endpoint"]);
    assert.equal(statistics.throttled, 1);
  }
  const page = setUp({ reply: () => Promise.resolve(new Response("<html>", { status: 429 })) });
  assert.equal(await (await page.cancel()).text(), "<html>");
  assert.deepEqual(page.throttled, ["payment_intents.cancel endpoint"]);
});

Deno.test("at most ten requests of an endpoint are under way, and half as many after a refusal for concurrency", async () => {
  let underWay = 0;
  let peak = 0;
  let answer = refusal("endpoint-concurrency");
  const { cancel, throttled } = setUp({
    reply: async () => {
      peak = Math.max(peak, ++underWay);
      await new Promise((resolve) => setTimeout(resolve, 1));
      underWay--;
      return answer();
    },
  });
  await cancel();
  answer = () => Promise.resolve(new Response("{}"));
  peak = 0;
  await Promise.all(Array.from({ length: 30 }, cancel));
  assert.equal(peak, 5);
  assert.deepEqual(throttled, [], "a refusal for concurrency must not change the rate");
});

Deno.test("an attempt that hangs is given up after its own time limit, and its place is free again", async () => {
  let hang = true;
  const { cancel } = setUp({
    timeoutMs: 20,
    reply: (signal) =>
      hang
        ? new Promise((_, reject) => signal!.addEventListener("abort", () => reject(signal!.reason)))
        : Promise.resolve(new Response("{}")),
  });
  const hanging = await Promise.allSettled(Array.from({ length: 10 }, cancel));
  assert.ok(hanging.every(({ status }) => status === "rejected"));
  hang = false;
  assert.equal((await cancel()).status, 200);
});
