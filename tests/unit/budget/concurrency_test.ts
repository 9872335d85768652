import assert from "node:assert/strict";
import { createBudgetedFetch } from "../../../functions/_shared/budget/budgeted-fetch.ts";

function setUp(reply: (signal: AbortSignal | null | undefined) => Promise<Response>, timeoutMs = 1_000) {
  const demands: number[] = [];
  const fetch = createBudgetedFetch({
    fetch: (_input, init) => reply(init?.signal),
    budget: {
      acquire: (_endpoint, { demand }) => Promise.resolve(void demands.push(demand())),
      throttled: () => Promise.resolve(),
    },
    timeoutMs,
    statistics: { calls: 0, throttled: 0, callsByEndpoint: {} },
  });
  const cancel = (signal?: AbortSignal) =>
    fetch("https://stripe.test/v1/payment_intents/pi_1/cancel", { method: "POST", ...(signal ? { signal } : {}) });
  return { cancel, demands };
}

Deno.test("however often Stripe refuses for concurrency, one request at a time still goes out", async () => {
  const headers = { "stripe-rate-limited-reason": "endpoint-concurrency" };
  const { cancel } = setUp(() => Promise.resolve(new Response("{}", { status: 429, headers })));
  for (let n = 0; n < 8; n++) assert.equal((await cancel()).status, 429);
});

/** Answers never; ends only when it is told to. */
function silence(signal: AbortSignal | null | undefined): Promise<Response> {
  return new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
}

Deno.test("a caller who gives up ends his request at once, before its own time limit", async () => {
  const { cancel } = setUp(silence);
  assert.equal((await endOf(cancel(AbortSignal.timeout(10)), 500)).name, "TimeoutError");
});

Deno.test("a request that nobody gives up ends at its own time limit", async () => {
  const { cancel } = setUp(silence, 10);
  assert.equal((await endOf(cancel(), 500)).name, "TimeoutError");
});

/** The error a request ended with, or another one if it did not end in time. */
async function endOf(request: Promise<Response>, limitMs: number): Promise<Error> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<Error>((resolve) =>
    timer = setTimeout(() => resolve(new Error("still under way")), limitMs)
  );
  const end = request.then(() => new Error("answered"), (error: Error) => error);
  return await Promise.race([end, limit]).finally(() => clearTimeout(timer));
}

Deno.test("the demand that is told to the budget is who waits now, not who ever waited", async () => {
  const { cancel, demands } = setUp(() => Promise.resolve(new Response("{}")));
  for (let n = 0; n < 3; n++) await cancel();
  assert.deepEqual(demands, [1, 1, 1]);
});
