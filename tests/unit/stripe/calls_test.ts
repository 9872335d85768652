import assert from "node:assert/strict";
import {
  type Call,
  type CallOptions,
  type CallStatistics,
  createCalls,
} from "../../../functions/_shared/stripe/calls.ts";
import { READ_COST } from "../../../functions/_shared/stripe/pace.ts";
import { virtualTime } from "./virtual-time.ts";

const ENDPOINT = "payment_intents.retrieve";
type Step = number | "hangs_up" | "bug";

/** Stripe's answers to one call, one after the other: an HTTP status, or worse. Then 200. */
function setUp(steps: Step[], overrides: Partial<CallOptions> = {}) {
  const time = virtualTime();
  const statistics: CallStatistics = { calls: 0, throttled: 0, callsByEndpoint: {} };
  const throttled: string[] = [];
  const sentAt: number[] = [];
  const calls = createCalls({
    clock: time.clock,
    deadline: new Date(60_000),
    paymentsPerSecond: 20,
    statistics,
    onThrottled: (...args) => throttled.push(args.join(" ")),
    random: () => 0.5,
    firstPauseMs: 100,
    ...overrides,
  });
  const call: Call<string> = {
    endpoint: ENDPOINT,
    async send() {
      sentAt.push(time.clock.monotonic());
      await time.clock.sleep(10);
      const step = steps.shift() ?? 200;
      if (step === "bug") throw new Error("boom");
      // What the SDK stumbles over.
      if (step === "hangs_up") throw new TypeError("error sending request");
      return { lastResponse: { statusCode: step, requestId: "req_1", headers: null } };
    },
    parse: () => "object",
  };
  return {
    statistics,
    throttled,
    sentAt,
    calls,
    read: () => time.runUntil(calls.read(call, READ_COST)),
    write: () => time.runUntil(calls.write(call)),
    ...time,
  };
}

for (const step of [500, 409, "hangs_up"] as const) {
  Deno.test(`a read is repeated after ${step}, with growing pauses, until it succeeds`, async () => {
    const { read, sentAt, statistics } = setUp([step, step]);
    assert.equal((await read()).kind, "object");
    assert.deepEqual(sentAt, [0, 85, 245]);
    assert.deepEqual(statistics, { calls: 3, throttled: 0, callsByEndpoint: { [ENDPOINT]: 3 } });
  });
}

Deno.test("a read fails after the third attempt", async () => {
  const { read, sentAt } = setUp([500, 503, 502]);
  const outcome = await read();
  assert.equal(outcome.kind === "unknown" && outcome.why, "server_error");
  assert.equal(sentAt.length, 3);
});

for (const step of [400, 401, 402, 403, 404] as const) {
  Deno.test(`a read is not repeated after ${step}`, async () => {
    const { read, sentAt } = setUp([step]);
    assert.notEqual((await read()).kind, "object");
    assert.equal(sentAt.length, 1);
  });
}

for (const step of [500, 409, 429, "hangs_up"] as const) {
  Deno.test(`a write is sent once, even after ${step}, because only its caller can inspect again first`, async () => {
    const { write, sentAt } = setUp([step]);
    assert.notEqual((await write()).kind, "object");
    assert.equal(sentAt.length, 1);
  });
}

Deno.test("a refusal for rate is counted and reported, and the next attempt waits for the end of the pause", async () => {
  const { read, sentAt, statistics, throttled } = setUp([429]);
  assert.equal((await read()).kind, "object");
  assert.deepEqual([statistics.throttled, throttled], [1, [`${ENDPOINT} rate`]]);
  assert.deepEqual(sentAt, [0, 1_010]);
});

Deno.test("a refused write slows the reads down", async () => {
  const { write, read, sentAt } = setUp([429]);
  await write();
  await read();
  assert.deepEqual(sentAt, [0, 1_010]);
});

Deno.test("no call is retried if its pause would end after the deadline, and Stripe's last answer is kept", async () => {
  for (const [deadline, attempts] of [[85, 1], [86, 2]] as const) {
    const { read, sentAt, clock } = setUp([500, 500], { deadline: new Date(deadline) });
    const outcome = await read();
    assert.equal(clock.monotonic(), sentAt.at(-1)! + 10, "nobody waits for what cannot come");
    assert.equal(outcome.kind === "unknown" && outcome.why, "server_error");
    assert.equal(sentAt.length, attempts);
  }
});

Deno.test("Stripe's last answer is kept if the retry gets no turn before the deadline", async () => {
  const { read, sentAt } = setUp([429], { deadline: new Date(500) });
  assert.equal((await read()).kind, "throttled");
  assert.equal(sentAt.length, 1);
});

Deno.test("a call that was not sent is not counted", async () => {
  const { read, write, calls, statistics } = setUp([]);
  calls.close();
  for (const outcome of [await read(), await write()]) {
    assert.equal(outcome.kind === "unsent" && outcome.why, "out_of_time");
  }
  assert.equal(statistics.calls, 0);
});

Deno.test("a call that throws frees its place in flight", async () => {
  const { read } = setUp(Array(3).fill("bug"), { maxInFlight: 1 });
  for (let n = 0; n < 3; n++) await assert.rejects(read(), /boom/);
  assert.equal((await read()).kind, "object");
});
