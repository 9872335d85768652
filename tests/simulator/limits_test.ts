import assert from "node:assert/strict";
import { SlidingWindow } from "../../local/stripe-simulator/limits.ts";
import { refusal, withSimulator } from "./with-simulator.ts";

Deno.test("a window admits its limit in any second, however it is laid", () => {
  const window = new SlidingWindow(1000);
  const admit = (now: number) => {
    const room = window.hasRoom(2, now);
    if (room) window.take(now);
    return room;
  };
  assert.deepEqual([0, 900, 950, 1000, 1001, 1899, 1900].map(admit), [true, true, false, true, false, false, true]);
});

async function burst(count: number, call: (n: number) => Promise<unknown>): Promise<string[]> {
  const outcomes = await Promise.allSettled(Array.from({ length: count }, (_, n) => call(n)));
  return outcomes.map((outcome) =>
    outcome.status === "fulfilled" ? "ok" : outcome.reason.headers["stripe-rate-limited-reason"]
  );
}

Deno.test("a sandbox account stops at 25 calls a second over all endpoints", () =>
  withSimulator({ preset: "sandbox" }, async ({ stripe, control }) => {
    control.setLimits({ globalConcurrency: null, endpointConcurrency: null });
    const outcomes = await burst(30, (n) => n % 2 ? stripe.paymentIntents.list() : stripe.checkout.sessions.list());
    assert.equal(outcomes.filter((outcome) => outcome === "ok").length, 25);
    assert.equal(outcomes.filter((outcome) => outcome === "global-rate").length, 5);
    assert.equal(control.rateLimitedCalls().length, 5);
  }));

Deno.test("a live account has 100 calls a second, but one endpoint only 25", () =>
  withSimulator({ preset: "live" }, async ({ client, control }) => {
    control.setLimits({ globalConcurrency: null, endpointConcurrency: null });
    const stripe = client("sk_live_simulated");
    const outcomes = await burst(30, () => stripe.paymentIntents.list());
    assert.equal(outcomes.filter((outcome) => outcome === "endpoint-rate").length, 5);
    assert.equal((await stripe.checkout.sessions.list()).data.length, 0);
  }));

Deno.test("a rate limit passes after a second, sends no Retry-After, and is not retried by the SDK", () =>
  withSimulator({}, async ({ client, control }) => {
    control.setLimits({ endpointPerSecond: 1 });
    const stripe = client("sk_test_simulated", { maxNetworkRetries: 2 });
    await stripe.paymentIntents.list();
    const error = await refusal(stripe.paymentIntents.list());
    assert.equal(error.type, "StripeRateLimitError");
    assert.equal(error.headers?.["retry-after"], undefined);
    assert.equal(control.countCalls(), 2);
    await new Promise((resolve) => setTimeout(resolve, 1010));
    await stripe.paymentIntents.list();
  }));

Deno.test("too many calls in flight are refused, for one endpoint and over all", () =>
  withSimulator({ latencyMs: 300 }, async ({ stripe, control }) => {
    control.setLimits({ endpointConcurrency: 2, globalConcurrency: 3 });
    const outcomes = await burst(6, (n) => n < 3 ? stripe.paymentIntents.list() : stripe.checkout.sessions.list());
    assert.equal(outcomes.filter((outcome) => outcome === "ok").length, 3);
    assert.ok(outcomes.includes("endpoint-concurrency") && outcomes.includes("global-concurrency"), outcomes.join());
    assert.deepEqual(await burst(2, () => stripe.paymentIntents.list()), ["ok", "ok"]);
  }));

Deno.test("accounts and modes have limits of their own", () =>
  withSimulator({}, async ({ stripe, client, control }) => {
    control.setLimits({ globalPerSecond: 1 });
    await stripe.paymentIntents.list();
    await stripe.paymentIntents.list({}, { stripeAccount: "acct_other" });
    await client("sk_live_simulated").paymentIntents.list();
    await refusal(stripe.paymentIntents.list());
  }));

Deno.test("the strict simulator fails a test that hits a limit", async () => {
  const run = withSimulator({ strict: true, preset: "unlimited" }, async ({ stripe, control }) => {
    control.setLimits({ globalPerSecond: 0 });
    await refusal(stripe.paymentIntents.list());
  });
  await assert.rejects(run, /Cannot pass the strict simulator: 1 calls were rate limited/);
});

Deno.test("reads are counted against the allocation, transactions beside them", () =>
  withSimulator({}, async ({ stripe, control }) => {
    const intent = await stripe.paymentIntents.create({ amount: 500, currency: "eur" });
    await stripe.paymentIntents.retrieve(intent.id);
    await stripe.paymentIntents.confirm(intent.id, { payment_method: "pm_card_visa" });
    const [own] = control.readAllocation().filter((each) => !each.livemode);
    assert.deepEqual([own?.reads, own?.transactions], [1, 1]);
  }));
