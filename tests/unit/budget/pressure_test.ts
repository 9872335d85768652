import assert from "node:assert/strict";
import { createCallBudget } from "../../../functions/_shared/budget/call-budget.ts";

const CANCEL = "payment_intents.cancel";
const READ = "payment_intents.retrieve";
const INTERVAL = 51.4;
const NOON = Date.parse("2026-11-22T12:00:00Z");

/** A database that takes its time to answer, on a clock that moves when somebody sleeps, or when a test says so. */
function setUp({ answersAfter = 0, slowFrom = 1, failsFrom = Infinity, tellsTime = false } = {}) {
  let now = 0;
  const sleepers: { at: number; wake: () => void }[] = [];
  const sleep = (ms: number) => new Promise<void>((wake) => sleepers.push({ at: now + ms, wake }));
  const nextSlot = new Map<string, number>();
  const reserved: { endpoint: string; count: number }[] = [];
  const budget = createCallBudget({
    clock: { now: () => new Date(now), monotonic: () => now, sleep },
    deadline: new Date(8.64e15),
    async reserve(endpoint, count) {
      reserved.push({ endpoint, count });
      const askedAt = now;
      const startsAt = Math.max(now, nextSlot.get(endpoint) ?? 0);
      nextSlot.set(endpoint, startsAt + count * INTERVAL);
      if (answersAfter > 0 && reserved.length >= slowFrom) await sleep(answersAfter);
      if (reserved.length >= failsFrom) throw new Error("database away");
      const told = tellsTime ? { now: new Date(NOON + askedAt) } : {};
      return {
        count,
        startsInMs: startsAt - askedAt,
        intervalMs: INTERVAL,
        perSecond: 20,
        accountPerSecond: 50,
        ...told,
      };
    },
    report: () => Promise.resolve(),
  });

  /** Lets time pass until `calls` calls to the endpoint may leave, with `demand` of them waiting; when each of them left. */
  async function call(endpoint: string, calls: number, demand = calls): Promise<number[]> {
    const times: number[] = [];
    const all = Promise.all(
      Array.from(
        { length: calls },
        () => budget.acquire(endpoint, { demand: () => demand }).then(() => times.push(now)),
      ),
    );
    let settled = false;
    all.finally(() => settled = true).catch(() => {});
    while (true) {
      await new Promise((resolve) => setTimeout(resolve));
      if (settled) return await all.then(() => times);
      const next = sleepers.sort((a, b) => a.at - b.at).shift();
      if (next === undefined) throw new Error("Cannot go on: nobody sleeps and nothing is done");
      now = Math.max(now, next.at);
      next.wake();
    }
  }
  return { budget, reserved, call, stall: (ms: number) => void (now += ms) };
}

Deno.test("slots count from the question to a database that does not tell its time, not from its answer", async () => {
  const { call } = setUp({ answersAfter: 200 });
  const times = await call(CANCEL, 10);
  // By the database's count they were due from 0 to 463 ms: the first four of them while the answer was on its way.
  assert.equal(times[0], 200);
  assert.ok(times[9]! < 470, `the last slot was taken after ${times[9]} ms`);
});

Deno.test("slots of a block that a stall made overdue leave no faster than they were granted", async () => {
  const { call, stall } = setUp();
  const before = await call(CANCEL, 10, 64);
  stall(2_500);
  const times = [...before, ...await call(CANCEL, 54, 54)];
  for (const start of times) {
    const second = times.filter((time) => time >= start && time < start + 1_000).length;
    assert.ok(second <= 20, `${second} calls in one second`);
  }
});

Deno.test("however many wait, no block is larger than the database allows", async () => {
  const { call, reserved } = setUp();
  await call(CANCEL, 3, 500);
  assert.deepEqual(reserved.map(({ count }) => count), [128]);
});

Deno.test("a refusal for rate gives up what is left of the block, and the next block with it", async () => {
  const left = setUp();
  await left.call(CANCEL, 1, 10);
  await left.budget.throttled(CANCEL, "endpoint");
  await left.call(CANCEL, 1, 10);
  assert.equal(left.reserved.length, 2, "a slot of before the refusal was used");

  const next = setUp();
  await next.call(CANCEL, 124, 300);
  assert.equal(next.reserved.length, 2, "the next block is asked for ahead");
  await next.budget.throttled(CANCEL, "endpoint");
  await next.call(CANCEL, 1, 300);
  assert.equal(next.reserved.length, 3, "a block of before the refusal was used");
});

Deno.test("a refusal for the account's rate gives up the slots of every endpoint, one for an endpoint's only its own", async () => {
  for (const [scope, reservations] of [["account", 4], ["endpoint", 3]] as const) {
    const { call, budget, reserved } = setUp();
    await call(CANCEL, 1, 20);
    await call(READ, 1, 20);
    await budget.throttled(CANCEL, scope);
    // First, because the other one's new slots lie behind its old ones, and by then these would be overdue.
    await call(READ, 1, 20);
    await call(CANCEL, 1, 20);
    assert.equal(reserved.length, reservations, scope);
  }
});

Deno.test("a database that answers slowly leaves no gap between two blocks, whether or not it tells its time", async () => {
  for (const tellsTime of [false, true]) {
    const { call } = setUp({ answersAfter: 300, slowFrom: 2, tellsTime });
    const times = await call(CANCEL, 150);
    const gaps = times.slice(1).map((time, n) => time - times[n]!);
    assert.ok(Math.max(...gaps) < INTERVAL + 1, `calls stood still for ${Math.max(...gaps)} ms`);
  }
});

Deno.test("a database that is as far away as usual costs no slot, and its blocks leave no gap", async () => {
  const { call } = setUp({ answersAfter: 100, tellsTime: true });
  const times = await call(CANCEL, 400);
  const gaps = times.slice(1).map((time, n) => time - times[n]!);
  assert.ok(Math.max(...gaps) < INTERVAL + 1, `calls stood still for ${Math.max(...gaps)} ms`);
  assert.ok(times.at(-1)! < 400 * INTERVAL * 1.01 + 100, `the last call left after ${times.at(-1)} ms`);
});

Deno.test("a block that was asked for ahead and never came breaks nothing while nobody needs it", async () => {
  const { call, reserved } = setUp({ failsFrom: 2 });
  await call(CANCEL, 124, 300);
  assert.equal(reserved.length, 2);
  // A rejection that nobody met would fail this test here.
  await new Promise((resolve) => setTimeout(resolve, 5));
});
