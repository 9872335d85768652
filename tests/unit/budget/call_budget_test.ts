import assert from "node:assert/strict";
import { type CallBudgetOptions, createCallBudget } from "../../../functions/_shared/budget/call-budget.ts";

/** Time that passes only when somebody sleeps, and as much of it as the sleeper asked for. */
function fakeClock() {
  let now = 0;
  const sleepers: { at: number; wake: () => void }[] = [];
  return {
    now: () => new Date(now),
    monotonic: () => now,
    sleep: (ms: number) => new Promise<void>((wake) => sleepers.push({ at: now + ms, wake })),
    stall: (ms: number) => void (now += ms),
    /** Wakes sleepers in order until `done` settles. */
    async runUntil<T>(done: Promise<T>): Promise<T> {
      let settled = false;
      done.finally(() => (settled = true)).catch(() => {});
      while (true) {
        // A turn of the real event loop lets every promise that can settle do so.
        await new Promise((resolve) => setTimeout(resolve));
        if (settled) return await done;
        sleepers.sort((a, b) => a.at - b.at);
        const next = sleepers.shift();
        if (next === undefined) {
          throw new Error("Cannot go on: nobody sleeps and nothing is done");
        }
        now = Math.max(now, next.at);
        next.wake();
      }
    },
  };
}

const NO_DEADLINE = new Date(8.64e15);

/** A database that grants 20 calls per second per endpoint, one block after the other. */
function fakeDatabase(clock: { monotonic(): number }) {
  const nextSlot = new Map<string, number>();
  const reserved: { endpoint: string; count: number }[] = [];
  const reported: string[] = [];
  const options: Omit<CallBudgetOptions, "clock"> = {
    deadline: NO_DEADLINE,
    reserve: (endpoint, asked) => {
      // Six seconds' worth at the most.
      const count = Math.min(asked, 116);
      const startsAt = Math.max(clock.monotonic(), nextSlot.get(endpoint) ?? 0);
      nextSlot.set(endpoint, startsAt + count * 51.4);
      reserved.push({ endpoint, count });
      return Promise.resolve({
        count,
        startsInMs: startsAt - clock.monotonic(),
        intervalMs: 51.4,
        perSecond: 20,
        accountPerSecond: 50,
      });
    },
    report: (endpoint, scope) => {
      reported.push(`${endpoint} ${scope}`);
      return Promise.resolve();
    },
  };
  return { options, reserved, reported };
}

function setUp() {
  const clock = fakeClock();
  const database = fakeDatabase(clock);
  return { clock, database, budget: createCallBudget({ ...database.options, clock }) };
}

async function timesOf(count: number, { clock, budget }: ReturnType<typeof setUp>): Promise<number[]> {
  const times: number[] = [];
  const demand = () => count - times.length;
  await clock.runUntil(Promise.all(
    Array.from(
      { length: count },
      () => budget.acquire("payment_intents.cancel", { demand }).then(() => times.push(clock.monotonic())),
    ),
  ));
  return times;
}

const one = { demand: () => 1 };

function mostInOneSecond(times: number[]): number {
  return Math.max(
    ...times.map((start) => times.filter((time) => time >= start && time < start + 1_000).length),
  );
}

Deno.test("the call budget hands slots out in order, one interval apart", async () => {
  const setup = setUp();
  const times = await timesOf(5, setup);
  assert.deepEqual(times.map(Math.round), [0, 51, 103, 154, 206]);
});

Deno.test("no second sees more calls than were granted, and hardly any slot goes unused", async () => {
  const setup = setUp();
  const times = await timesOf(400, setup);
  assert.ok(mostInOneSecond(times) <= 20, `${mostInOneSecond(times)} calls in one second`);
  assert.ok(times.at(-1)! <= 400 * 51.4 * 1.01, `the last call left after ${times.at(-1)} ms`);
});

Deno.test("slots that come due together after a stall do not leave in one burst", async () => {
  const setup = setUp();
  const times = await timesOf(30, setup);
  setup.clock.stall(700);
  times.push(...await timesOf(60, setup));
  assert.ok(mostInOneSecond(times) <= 20, `${mostInOneSecond(times)} calls in one second`);
});

Deno.test("all endpoints together stay within the account's share, whatever each may do by itself", async () => {
  const clock = fakeClock();
  const times: number[] = [];
  const budget = createCallBudget({
    clock,
    deadline: NO_DEADLINE,
    reserve: (_, count) =>
      Promise.resolve({ count, startsInMs: 0, intervalMs: 51.4, perSecond: 20, accountPerSecond: 12 }),
    report: () => Promise.resolve(),
  });
  const call = (endpoint: string) =>
    budget.acquire(endpoint, { demand: () => 30 }).then(() => times.push(clock.monotonic()));
  await clock.runUntil(Promise.all(
    ["payment_intents.retrieve", "payment_intents.cancel"].flatMap((endpoint) =>
      Array.from({ length: 30 }, () => call(endpoint))
    ),
  ));
  assert.equal(times.length, 60);
  assert.ok(mostInOneSecond(times) <= 12, `${mostInOneSecond(times)} calls in one second`);
});

Deno.test("one reservation covers about a hundred calls, and no slot is reserved that nobody waits for", async () => {
  const long = setUp();
  await timesOf(640, long);
  assert.ok(long.database.reserved.length <= 640 / 100, `${long.database.reserved.length} reservations for 640 calls`);

  const short = setUp();
  await timesOf(3, short);
  assert.deepEqual(short.database.reserved, [{ endpoint: "payment_intents.cancel", count: 3 }]);
  const slots = long.database.reserved.reduce((sum, { count }) => sum + count, 0);
  assert.equal(slots, 640);
});

Deno.test("a lane that waits does not hold up another endpoint", async () => {
  const { clock, budget } = setUp();
  const slow = Promise.all(
    Array.from({ length: 20 }, () => budget.acquire("payment_intents.cancel", { demand: () => 20 })),
  );
  await clock.runUntil(budget.acquire("payment_intents.retrieve", one));
  assert.ok(clock.monotonic() < 100);
  await clock.runUntil(slow);
});

Deno.test("a refusal for rate gives up the slots and tells the database", async () => {
  const { clock, budget, database } = setUp();
  await clock.runUntil(budget.acquire("payment_intents.cancel", one));
  await clock.runUntil(budget.throttled("payment_intents.cancel", "endpoint"));
  await clock.runUntil(budget.acquire("payment_intents.cancel", one));
  assert.deepEqual(database.reported, ["payment_intents.cancel endpoint"]);
  assert.equal(database.reserved.length, 2, "the call after the refusal did not reserve anew");
});

Deno.test("a reservation that fails reaches the caller, and the next call tries again", async () => {
  const clock = fakeClock();
  let calls = 0;
  const budget = createCallBudget({
    clock,
    deadline: NO_DEADLINE,
    reserve: () =>
      calls++ === 0 ? Promise.reject(new Error("database away")) : Promise.resolve({
        count: 4,
        startsInMs: 0,
        intervalMs: 51.4,
        perSecond: 20,
        accountPerSecond: 50,
      }),
    report: () => Promise.resolve(),
  });
  await assert.rejects(clock.runUntil(budget.acquire("payment_intents.cancel", one)), /database away/);
  await clock.runUntil(budget.acquire("payment_intents.cancel", one));
});
