import assert from "node:assert/strict";
import { createBudgetedFetch } from "../../../functions/_shared/budget/budgeted-fetch.ts";
import { unlessAborted } from "../../../functions/_shared/budget/unless-aborted.ts";
import type { CallBudget } from "../../../functions/_shared/budget/call-budget.ts";
import { concernsTheRun, DatabaseError, UnsentCallError } from "../../../functions/_shared/errors.ts";
import { createStripeGateway } from "../../../functions/_shared/stripe/gateway.ts";

const KEY = { idempotencyKey: "lapse:pi_1:1" };
const refused = new DatabaseError("Cannot call jobs_reserve_calls: current value is permission denied", {
  code: "42501",
});

function setUp(
  budget: Partial<CallBudget>,
  wire: () => Promise<Response> = () => Promise.resolve(new Response("{}")),
  timeoutMs?: number,
) {
  const statistics = { calls: 0, throttled: 0, callsByEndpoint: {} };
  const unreported: string[] = [];
  const gateway = createStripeGateway({
    secretKey: "sk_test_unit",
    ...(timeoutMs ? { timeoutMs } : {}),
    fetch: createBudgetedFetch({
      fetch: wire,
      budget: { acquire: () => Promise.resolve(), throttled: () => Promise.resolve(), ...budget },
      timeoutMs: 1_000,
      statistics,
      onUnreported: (endpoint, error) => unreported.push(`${endpoint} ${(error as Error).message}`),
    }),
  });
  return {
    statistics,
    unreported,
    read: (id = "pi_1") => gateway.readIntent({ id, account: null }),
    cancel: () => gateway.cancelIntent({ id: "pi_1", account: null }, KEY),
  };
}

Deno.test("a budget that cannot be asked is no lost connection: it surfaces with its reason, as a matter of the run", async () => {
  for (const cause of [refused, new TypeError("slots is undefined")]) {
    const { read, statistics } = setUp({ acquire: () => Promise.reject(cause) });
    const error = await read().then(() => null, (error) => error);
    assert.ok(error instanceof UnsentCallError && error.why === "budget" && concernsTheRun(error));
    assert.ok(error.message.endsWith(`${cause.name}: ${cause.message}`), error.message);
    assert.equal(error.cause, cause);
    assert.equal(statistics.calls, 0);
  }
});

Deno.test("a call whose turn would come too late, or after its caller's patience, is not sent and not counted", async () => {
  const late = setUp({ acquire: () => Promise.reject(new UnsentCallError("out_of_time", "Cannot send in time")) });
  const waiting = setUp({ acquire: (_, { signal }) => unlessAborted(new Promise(() => {}), signal) }, undefined, 10);
  for (const { read, statistics } of [late, waiting]) {
    const reply = await read();
    assert.equal(reply.ok ? "ok" : reply.failure.kind, "not_sent");
    assert.equal(statistics.calls, 0);
  }
});

Deno.test("ten failures of the budget leave the endpoint its seats", async () => {
  let away = true;
  const { read, statistics } = setUp({ acquire: () => away ? Promise.reject(refused) : Promise.resolve() });
  for (let n = 0; n < 10; n++) await assert.rejects(read());
  away = false;
  await read();
  assert.equal(statistics.calls, 1);
});

Deno.test("an id that is neither an intent's nor a session's is a fault about that payment, not about the run", async () => {
  const error = await setUp({}).read("seti_1").then(() => null, (error) => error);
  assert.match(error.message, /Cannot call Stripe outside the jobs' endpoints: .*seti_1/);
  assert.equal(concernsTheRun(error), false);
});

Deno.test("what the network throws is a lost connection, as ever", async () => {
  const reply = await setUp({}, () => Promise.reject(new TypeError("error sending request"))).read();
  assert.equal(reply.ok ? "ok" : reply.failure.kind, "connection_lost");
});

Deno.test("a refusal for rate that cannot be reported is told, and stays what Stripe said", async () => {
  const wire = () =>
    Promise.resolve(
      new Response(JSON.stringify({ error: { type: "invalid_request_error" } }), {
        status: 429,
        headers: { "stripe-rate-limited-reason": "endpoint-rate" },
      }),
    );
  const { cancel, unreported } = setUp({ throttled: () => Promise.reject(new Error("database away")) }, wire);
  const reply = await cancel();
  assert.deepEqual(!reply.ok && [reply.failure.httpStatus, reply.failure.rateLimitedReason], [429, "endpoint-rate"]);
  assert.deepEqual(unreported, ["payment_intents.cancel database away"]);
});
